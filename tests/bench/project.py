"""A project on an embedded server of its own, and what the sides of a measurement do with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from data import generate_schema


class BenchProject:
    """A generated schema of ``tables`` tables in ``folder``, its server running."""

    def __init__(self, folder: Path, tables: int) -> None:
        self.root = folder / f"tables_{tables}"
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        generate_schema.write(tables, self.root)
        self.script = self.root / "combined.sql"
        self.script.write_text(generate_schema.script(tables))
        self.confiture("server", "start")
        self.url = self.confiture("server", "url").strip()
        self.database = self.psql("SELECT current_database()", create=True)

    def confiture(self, *arguments: str) -> str:
        """Run the command line; what it printed."""
        command = [str(Path(sys.executable).with_name("confiture")), *arguments]
        done = subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout

    def _psql(self, database: str, *arguments: str) -> str:
        from confiture_embedded.binaries import find

        base, _, query = self.url.partition("?")
        url = f"{base.rsplit('/', 1)[0]}/{database}?{query}"
        command = [find().program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def psql(self, sql: str, *, create: bool = False) -> str:
        """Run one statement in the maintenance database; with ``create`` say the project's database instead."""
        if create:
            return self.url.partition("?")[0].rsplit("/", 1)[1]
        return self._psql("postgres", "-c", sql)

    def psql_script(self, database: str) -> None:
        """``psql -1 -f`` of the combined script."""
        self._psql(database, "-1", "-f", str(self.script))

    def drop(self, *, templates: bool = False) -> None:
        """Drop the project's database, and the templates too."""
        self.psql(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')
        if templates:
            names = self.psql("SELECT datname FROM pg_database WHERE starts_with(datname, 'confiture_template_')")
            for name in names.split():
                self.psql(f'DROP DATABASE "{name}"')

    def close(self) -> None:
        """Stop the server."""
        self.confiture("server", "stop")
        os.sync()
