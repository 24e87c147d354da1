"""Databases for the judge: made, loaded, dumped and dropped with PostgreSQL's own programs."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pgserver
from confiture.config.dsn import to_uri
from confiture.model import Target
from diff.judge import canonical

__all__ = ["Databases"]

_OPTIONS = "-c statement_timeout=60000 -c lock_timeout=20000 -c client_min_messages=error"
_TABLES = (
    "SELECT format('SELECT %L || count(*) FROM ONLY %I.%I', n.nspname || '.' || c.relname || '=', n.nspname, "
    "c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
)


class Databases:
    """What can be done with databases of one server, whose connection parameters are ``params``."""

    def __init__(self, params: Mapping[str, str]) -> None:
        self.params = dict(params)
        self._bin = pgserver.binaries()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        self._env = kept | {"PGOPTIONS": _OPTIONS, "PGCLIENTENCODING": "UTF8", "LC_ALL": "C.UTF-8"}

    def target(self, name: str) -> Target:
        """The database as the kernel knows one."""
        return Target(label=name, params={**self.params, "dbname": name})

    def url(self, name: str) -> str:
        """The database's connection string."""
        return to_uri({**self.params, "dbname": name}, password=True)

    def create(self, name: str, template: str = "template0") -> None:
        """Make a database. Copying files takes half the time of the write-ahead log on a server without fsync."""
        self._must("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')

    def drop(self, *names: str) -> None:
        """Drop them, whoever is connected."""
        commands = [part for name in names for part in ("-c", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')]
        self._run("postgres", *commands)

    def load(self, name: str, script: Path) -> str:
        """Load a script as psql does it, or whole in one transaction where it asks for that; "" or the error."""
        error = self.run(name, script)
        if "transaction block" in error:
            self.drop(name)
            self.create(name)
            error = self.run(name, script, "--single-transaction")
        return error

    def run(self, name: str, script: Path, *options: str) -> str:
        """Run a script, statement by statement, until one fails; "" or the error."""
        done = self._run(name, *options, "-f", str(script))
        return (done.stderr.strip() or "failed") if done.returncode else ""

    def dump(self, name: str) -> tuple[str, ...]:
        """The schema, as :func:`diff.judge.canonical` gives it."""
        return canonical(self.dump_script(name))

    def dump_script(self, name: str) -> str:
        """The schema as ``pg_dump`` writes it; nothing could have made labels, and asking takes a sixth of its time."""
        command = [str(self._bin / "pg_dump"), "--schema-only", "--no-security-labels", "-d", self.url(name)]
        done = subprocess.run(command, env=self._env, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ask(self, name: str, query: str) -> list[list[Any]]:
        """The rows of a query, their values as JSON has them."""
        lines = self._must(name, f"WITH r AS ({query}) SELECT row_to_json(r) FROM r").splitlines()
        # As pairs: two columns may have one name.
        return [json.loads(line, object_pairs_hook=lambda pairs: [value for _, value in pairs]) for line in lines]

    def make_roles(self, *names: str) -> None:
        """Make roles that may be there: another worker may make them at the same time."""
        for name in names:
            ignored = "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL"
            self._must("postgres", f"DO $$ BEGIN CREATE ROLE {name}; {ignored}; END $$")

    def make_tablespace(self, name: str) -> None:
        """Make a tablespace within the data directory; it may be there."""
        if self._must("postgres", f"SELECT 1 FROM pg_tablespace WHERE spcname = '{name}'"):
            return
        sql = f"SET allow_in_place_tablespaces = on; CREATE TABLESPACE {name} LOCATION ''"
        commands = [part for each in sql.split("; ") for part in ("-c", each)]
        done = self._run("postgres", *commands)
        assert done.returncode == 0 or "already exists" in done.stderr or "duplicate key" in done.stderr, done.stderr

    def counts(self, name: str) -> dict[str, int]:
        """How many rows each table has."""
        counts = " UNION ALL ".join(self._must(name, _TABLES).splitlines())
        found = self._must(name, counts).splitlines() if counts else []
        return {table: int(rows) for table, _, rows in (line.rpartition("=") for line in found)}

    def _must(self, name: str, sql: str) -> str:
        done = self._run(name, "-At", "-c", sql)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(self._bin / "psql"), "-Xq", "-v", "ON_ERROR_STOP=1", "-d", self.url(name), *arguments]
        return subprocess.run(command, env=self._env, capture_output=True, text=True, errors="replace", timeout=300)
