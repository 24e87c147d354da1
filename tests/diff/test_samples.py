"""Real schemas: a database is no different from the DDL it was built from, and becomes what changed DDL says."""

from __future__ import annotations

from pathlib import Path

import pytest

from confiture.config.dsn import to_uri
from confiture.model import Target
from confiture_diff.render import as_sql
from data import split_sample
from diff.databases import Databases
from diff.judge import explain

pytestmark = pytest.mark.anyio

_SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data"
_EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "jam-shop"
#: What changes in pagila: a little of everything, on tables with rows, views on views and partitions.
_CHANGES = (
    ("    'NC-17'\n", "    'NC-17',\n    'X'\n"),
    ("rental_rate numeric(4,2) DEFAULT 4.99", "rental_rate numeric(6,2) DEFAULT 5.49"),
    ("    length smallint,\n", "    length integer,\n    synopsis text DEFAULT 'to come' NOT NULL,\n"),
    ("    address2 text,\n", ""),
    (
        "CREATE INDEX idx_title ON public.film USING btree (title);",
        "CREATE INDEX idx_title ON public.film USING btree (lower(title), film_id);\n"
        "CREATE INDEX film_rating ON public.film USING btree (rating) WHERE rating <> 'G';\n"
        "ALTER TABLE public.film ADD CONSTRAINT film_length_check CHECK (length > 0);\n"
        "COMMENT ON COLUMN public.film.length IS 'minutes';",
    ),
    (
        "CREATE VIEW public.customer_list AS",
        "CREATE VIEW public.long_films AS SELECT title, length FROM public.film WHERE length > 120;\n"
        "CREATE VIEW public.very_long_films AS SELECT * FROM public.long_films WHERE length > 180;\n"
        "CREATE VIEW public.customer_list AS",
    ),
)


def _sample(name: str) -> str:
    file = _SAMPLES / f"{name}.sql"
    if not file.is_file():
        pytest.skip(f"the sample {name}.sql is not here")
    text = file.read_text()
    if name == "chinook":
        text = "".join(t for t in text.splitlines(keepends=True) if t.strip() not in split_sample.CHINOOK_OWN_DATABASE)
    return text


def _configure(project, server: Target) -> None:
    """Scratch databases on the test's own server."""
    project.write("confiture.toml", f"[scratch]\nurl = '{to_uri(server.params)}'\n")


@pytest.mark.parametrize("name", ["pagila", "chinook"])
async def test_a_database_is_what_it_was_loaded_from(name, project, server, database, psql, kernel_run) -> None:
    """Live against DDL, in both directions: nothing, whatever names, casts and privileges are written like."""
    text = _sample(name)
    _configure(project, server)
    psql(database, text)
    script = str(project.write(f"{name}.sql", text))
    async with kernel_run(project) as run:
        for old, new in ((to_uri(database.params), script), (script, to_uri(database.params))):
            report = await run.start("diff", old=old, new=new)
            assert (report.changed, as_sql(report.plan)) == (False, "")


async def test_the_example_project_is_what_it_was_built_from(
    project, server, database, psql, kernel_run, tmp_path
) -> None:
    """What ``confiture build`` makes of the files is what a diff reads in them."""
    files = sorted((_EXAMPLE / "db" / "schema").rglob("*.sql"))
    for role in ("jam_app", "jam_readonly"):
        psql(
            server,
            f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
        )
    _configure(project, server)
    psql(database, "\n".join(file.read_text() for file in files))
    async with kernel_run(project) as run:
        report = await run.start("diff", old=to_uri(database.params), new=str(_EXAMPLE / "db" / "schema"))
    assert (report.changed, as_sql(report.plan)) == (False, "")


async def test_pagila_becomes_a_changed_pagila_and_goes_back(
    project, server, database, new_database, psql, kernel_run, tmp_path
) -> None:
    """With its rows, none of which is lost; the dumps are the judge."""
    text = _sample("pagila")
    changed = text
    for before, after in _CHANGES:
        assert before in changed, before
        changed = changed.replace(before, after, 1)
    # The rows of the sample have a column that the changed one lacks: only its schema is wanted.
    files = split_sample.split_pagila(changed)
    schema_only = "".join(part for path, part in files.items() if "20_data" not in path)
    _configure(project, server)
    judges = Databases(server.params)
    wanted = new_database()
    psql(database, text)
    psql(wanted, schema_only)
    script = str(project.write("new.sql", schema_only))
    before, rows = judges.dump(database.database), judges.counts(database.database)
    async with kernel_run(project) as run:
        report = await run.start("diff", old=to_uri(database.params), new=script, drops=["address.address2"])
    assert report.proof is not None
    assert set(report.proof.proved) == {"forward", "backward"}
    for plan, judge in ((report.plan, judges.dump(wanted.database)), (report.backward, before)):
        file = tmp_path / "plan.sql"
        file.write_text(as_sql(plan))
        assert judges.run(database.database, file) == "", file.read_text()
        assert explain(judges.dump(database.database), judge) == "", file.read_text()
        assert judges.counts(database.database) == rows
