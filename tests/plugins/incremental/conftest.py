"""A project with migrations, and the ways to run them."""

from __future__ import annotations

import textwrap

import pytest


class Migrations:
    """Writes migrations into a project, and runs mediums on the test's database."""

    def __init__(self, project, kernel_run, database, psql):
        self.project = project
        self.database = database
        self._kernel_run = kernel_run
        self._psql = psql
        #: What the last run told its observers.
        self.events = []

    def sql(self, name, up, down=None):
        """Write ``NNN_name.up.sql``, and its ``.down.sql`` where there is a ``down``."""
        self.project.write(f"db/migrations/{name}.up.sql", up)
        if down is not None:
            self.project.write(f"db/migrations/{name}.down.sql", down)

    def python(self, name, body, imports=""):
        """Write ``NNN_name.py``: a class with ``body`` as its methods."""
        version, _, rest = name.partition("_")
        text = f"from confiture.models.migration import Migration\n{imports}\n\nclass M(Migration):\n"
        text += f'    version = "{version}"\n    name = "{rest}"\n\n' + textwrap.indent(textwrap.dedent(body), "    ")
        self.project.write(f"db/migrations/{name}.py", text)

    def tables(self, *names):
        """One migration a name: it makes a table, and drops it."""
        for number, name in enumerate(names, 1):
            self.sql(f"{number:03}_{name}", f"CREATE TABLE {name} (id int);", f"DROP TABLE {name};")

    async def run(self, medium, *, database=None, environment=None, **values):
        """Start a medium in a run of its own."""
        self.events = []
        async with self._kernel_run(
            self.project, database=database or self.database, observers=[self.events.append], **(environment or {})
        ) as run:
            return await run.start(medium, **values)

    async def up(self, **values):
        return await self.run("up", **values)

    async def down(self, **values):
        return await self.run("down", **values)

    async def states(self):
        """``{version: state}`` as ``status`` says it."""
        return {one.version: one.state for one in (await self.run("status")).migrations}

    def psql(self, sql, *options):
        """What psql says."""
        return self._psql(self.database, sql, *options)

    def public(self):
        """The tables of the schema ``public``, as psql sees them."""
        return self.psql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").split()

    def rows(self, columns="version, direction, state, statements"):
        """The rows of the tracking table, as psql sees them."""
        return self.psql(f"SELECT {columns} FROM confiture.confiture_migrations ORDER BY id").splitlines()


@pytest.fixture
def migrations(project, kernel_run, database, psql):
    return Migrations(project, kernel_run, database, psql)
