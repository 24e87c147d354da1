"""Makes schemas of any size for the benchmarks, as a confiture tree, as one script, or as Alembic revisions.

Each table comes with two indexes, a view, a function and a comment. Equal arguments give equal bytes.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

__all__ = ["alembic_project", "generate", "script", "statements", "write"]

#: So many tables are referred to by all others, where foreign keys are asked for: a shallow graph, as real ones are.
PARENTS = 5


def statements(number: int, *, foreign_keys: bool = False) -> tuple[list[str], str, str]:
    """The statements of one table (with its indexes and comment), of its view and of its function."""
    parent = f" REFERENCES t{number % PARENTS:04d} (id)" if foreign_keys and number >= PARENTS else ""
    name = f"t{number:04d}"
    table = [
        f"""CREATE TABLE {name} (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL,
    email      text UNIQUE,
    amount     numeric(12, 2) DEFAULT 0 CHECK (amount >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    parent_id  bigint{parent}
)""",
        f"CREATE INDEX {name}_name_idx ON {name} (name)",
        f"CREATE INDEX {name}_created_at_idx ON {name} (created_at DESC) WHERE amount > 0",
        f"COMMENT ON TABLE {name} IS 'table number {number}'",
    ]
    view = f"CREATE VIEW v{number:04d} AS SELECT id, name, amount FROM {name} WHERE amount > 10"
    function = (
        f"CREATE FUNCTION f{number:04d}(p bigint) RETURNS numeric LANGUAGE sql STABLE "
        f"AS $$ SELECT amount FROM {name} WHERE id = p $$"
    )
    return table, view, function


def generate(tables: int, *, foreign_keys: bool = False) -> dict[str, str]:
    """The files of a schema of that many tables, by path, in the order in which they run."""
    parts = [statements(number, foreign_keys=foreign_keys) for number in range(tables)]
    files = {f"db/schema/10_tables/t{i:04d}.sql": ";\n\n".join(part[0]) + ";\n" for i, part in enumerate(parts)}
    files |= {f"db/schema/20_views/v{i:04d}.sql": part[1] + ";\n" for i, part in enumerate(parts)}
    files |= {f"db/schema/30_functions/f{i:04d}.sql": part[2] + ";\n" for i, part in enumerate(parts)}
    return files


def script(tables: int, *, foreign_keys: bool = False) -> str:
    """The same schema as one script, for ``psql -f``."""
    return "\n".join(generate(tables, foreign_keys=foreign_keys).values())


def write(tables: int, folder: Path, *, foreign_keys: bool = False) -> list[Path]:
    """Write a project of that many tables below ``folder``; the files of its schema, in order."""
    files = generate(tables, foreign_keys=foreign_keys)
    return _write({"confiture.toml": f'[project]\nname = "bench_{tables}"\n'} | files, folder)[1:]


def alembic_project(tables: int, folder: Path, *, foreign_keys: bool = False) -> list[Path]:
    """Write the same tables as so many Alembic revisions below ``folder``; the revisions, oldest first.

    Run it there with ``alembic upgrade head``. The database's SQLAlchemy URL is taken from ``ALEMBIC_URL``.
    Each revision runs in a transaction of its own, as a history that grew over the years does when teams ask for
    it; Alembic's default, one transaction for all, is chosen by ``ALEMBIC_PER_MIGRATION=0``.
    """
    revisions = {
        f"alembic/versions/{i:04d}_t{i:04d}.py": _revision(i, foreign_keys=foreign_keys) for i in range(tables)
    }
    head = {"alembic.ini": "[alembic]\nscript_location = alembic\n", "alembic/env.py": ALEMBIC_ENV}
    return _write(head | revisions, folder)[len(head) :]


ALEMBIC_ENV = '''\
"""Runs the revisions on the database of ALEMBIC_URL."""

import os

import sqlalchemy
from alembic import context

engine = sqlalchemy.create_engine(os.environ["ALEMBIC_URL"], poolclass=sqlalchemy.pool.NullPool)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        transaction_per_migration=os.environ.get("ALEMBIC_PER_MIGRATION", "1") == "1",
    )
    with context.begin_transaction():
        context.run_migrations()
'''


def _revision(number: int, *, foreign_keys: bool) -> str:
    table, view, function = statements(number, foreign_keys=foreign_keys)
    before = repr(f"{number - 1:04d}") if number else "None"
    lines = [
        f'"""Add t{number:04d}."""',
        "",
        "from alembic import op",
        "",
        f'revision = "{number:04d}"',
        f"down_revision = {before}",
        "branch_labels = None",
        "depends_on = None",
        "",
        "",
        "def upgrade():",
        *(f"    op.execute({statement!r})" for statement in (*table, view, function)),
        "",
        "",
        "def downgrade():",
        f'    op.execute("DROP FUNCTION f{number:04d}(bigint)")',
        f'    op.execute("DROP VIEW v{number:04d}")',
        f'    op.execute("DROP TABLE t{number:04d}")',
        "",
    ]
    return "\n".join(lines)


def _write(files: Mapping[str, str], folder: Path) -> list[Path]:
    paths = []
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        paths.append(path)
    return paths


def main() -> None:
    """The command line: ``python tests/data/generate_schema.py 100 FOLDER``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--foreign-keys", action="store_true")
    parser.add_argument("--alembic", action="store_true", help="as Alembic revisions")
    arguments = parser.parse_args()
    make = alembic_project if arguments.alembic else write
    print(f"{len(make(arguments.tables, arguments.folder, foreign_keys=arguments.foreign_keys))} files")


if __name__ == "__main__":
    main()
