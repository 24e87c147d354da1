"""Over TCP with passwords, by roles that may do no more than they must; all that could tell a password is read."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from urllib.parse import quote

import msgspec
import pytest

import pgserver
from confiture.config.dsn import to_uri
from confiture.model import Target
from conftest import ProjectFolder, run_psql
from e2e.migrate.servers import OwnServer
from e2e.schema_to_schema.faults import EXPECTED, MAP, NEW, OLD, found
from e2e.schema_to_schema.moves import Move, sums

#: With what is special in SQL, in libpq's strings, in a format and in an address.
PASSWORD = r"s3cr'et \%s@/x"
HBA = "local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
QUIET = "SET log_statement = none; SET log_min_duration_statement = -1;"
WATCHED = (
    "SELECT query FROM pg_stat_activity",
    "SELECT umoptions::text FROM pg_user_mappings",
    "SELECT srvoptions::text FROM pg_foreign_server",
)


class Guarded:
    """A server that asks for passwords, and logs all that it is told."""

    def __init__(self, role: str, attributes: str = "") -> None:
        self.server = OwnServer()
        with (self.server.data / "postgresql.conf").open("a") as settings:
            settings.write("listen_addresses = '127.0.0.1'\nlog_statement = all\n")
            settings.write("log_min_duration_statement = 0\nlog_error_verbosity = verbose\n")
        (self.server.data / "pg_hba.conf").write_text(HBA)
        self.port = self._listen()
        self.admin = msgspec.structs.replace(
            self.server.target, params={**self.server.target.params, "port": self.port}
        )
        literal = PASSWORD.replace("'", "''")
        run_psql(self.admin, f"{QUIET} CREATE ROLE {role} LOGIN {attributes} PASSWORD '{literal}'")
        self.role = Target(
            label=role,
            params={
                "host": "127.0.0.1", "port": self.port, "user": role, "password": PASSWORD, "dbname": "postgres",
            },
        )  # fmt: skip

    def _listen(self, times: int = 10) -> str:
        """On a port that is free: until the server has it, somebody else may take it."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = str(probe.getsockname()[1])
        with (self.server.data / "postgresql.conf").open("a") as settings:
            settings.write(f"port = {port}\n")
        try:
            self.server.restart("fast")
        except subprocess.CalledProcessError:
            if times == 1:
                raise
            return self._listen(times - 1)
        return port

    @property
    def log(self) -> str:
        """All that it wrote."""
        return (self.server.folder / "log").read_text(errors="replace")


@pytest.fixture(scope="module")
def guarded() -> Iterator[tuple[Guarded, Guarded]]:
    """The old database's role may read four tables, the new one's make databases."""
    old, new = Guarded("reader"), Guarded("maker", "CREATEDB")
    run_psql(old.admin, "CREATE DATABASE old")
    admin = old.admin.with_database("old")
    run_psql(admin, f"{OLD} CREATE TABLE salaries (id int); REVOKE ALL ON DATABASE old FROM PUBLIC")
    run_psql(admin, "GRANT CONNECT ON DATABASE old TO reader; GRANT SELECT ON clients, orders, bare, small TO reader")
    yield old, new
    old.server.end()
    new.server.end()


@pytest.fixture
def moved(guarded: tuple[Guarded, Guarded], project: ProjectFolder) -> Iterator[Move]:
    """A move into a database that is not there yet. What is dropped, nobody may read."""
    old, new = guarded
    project.config("[schema-to-schema]\ncapture = 'none'\n")
    project.schema("10_all.sql", NEW)
    made = Move(project, old.role.with_database("old"), new.role.with_database("fresh"))
    made.map(f"{MAP}drop: [salaries]\n")
    yield made
    run_psql(new.admin, "DROP DATABASE IF EXISTS fresh WITH (FORCE)")


def shows(text: str) -> bool:
    """However it is written: as it is, in SQL, with escapes, in an address."""
    doubled = PASSWORD.replace("'", "''")
    written = (
        PASSWORD,
        doubled,
        doubled.replace("\\", "\\\\"),
        PASSWORD.replace("\\", "\\\\"),
        quote(PASSWORD, safe=""),
    )
    return any(each in text for each in (*written, "s3cr"))


def dumped(place: Target) -> str:
    """All of a database, what confiture keeps there too."""
    command = [str(pgserver.binaries() / "pg_dump"), "-d", to_uri(place.params)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("engine", ["fdw", "copy"])
def test_no_log_view_catalog_or_output_has_the_password(
    engine: str, guarded: tuple[Guarded, Guarded], moved: Move
) -> None:
    """Of a run from its start to its proof, by roles that are no superusers; the database is made by the run (copy)."""
    old, new = guarded
    fresh = new.admin.with_database("fresh")
    if engine == "fdw":  # making an extension needs more than the role has
        run_psql(new.admin, "CREATE DATABASE fresh OWNER maker")
        run_psql(fresh, "CREATE EXTENSION postgres_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO maker")
    seen: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            databases = [old.admin.with_database("old"), new.admin]
            if "fresh" in run_psql(new.admin, "SELECT datname FROM pg_database"):
                databases.append(fresh)
            seen.extend(run_psql(each, "; ".join(WATCHED)) for each in databases)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        said = [
            moved.cli(*words)
            for words in (
                ("start", "--strategy", engine),
                ("status", "--format", "json"),
                ("validate", "--format", "json"),
            )
        ]
    finally:
        over.set()
        watcher.join()
    assert [each.returncode for each in said] == [0, 0, 0], said[0].stderr
    assert found(fresh) == sums(old.admin.with_database("old"), EXPECTED)
    assert run_psql(fresh, "SELECT count(*) FROM pg_user_mappings") == "0"
    assert run_psql(fresh, "SELECT count(*) FROM pg_extension WHERE extname = 'postgres_fdw'") == str(
        int(engine == "fdw")
    )
    kept = [
        each.read_text(errors="replace") for each in (moved.project.root / ".confiture").rglob("*") if each.is_file()
    ]
    told = [each.stdout + each.stderr for each in said]
    assert "COPY" in old.log if engine == "copy" else "CREATE USER MAPPING" in new.log
    assert not any(map(shows, [*seen, *told, *kept, old.log, new.log, dumped(fresh)]))


def test_what_a_role_lacks_is_said_beforehand(guarded: tuple[Guarded, Guarded], moved: Move) -> None:
    """With the table's name, and what to grant; nothing is made. Nor does a wrong password show."""
    old, new = guarded
    admin = old.admin.with_database("old")
    run_psql(admin, "REVOKE SELECT ON orders FROM reader")
    try:
        refused = moved.cli("start", "--strategy", "copy")
    finally:
        run_psql(admin, "GRANT SELECT ON orders TO reader")
    assert refused.returncode == 8, refused.stderr
    assert "public.orders" in refused.stderr
    assert "SELECT" in refused.stderr
    assert run_psql(new.admin, "SELECT count(*) FROM pg_database WHERE datname = 'fresh'") == "0"
    wrong = msgspec.structs.replace(moved.source, params={**moved.source.params, "password": PASSWORD + "!"})
    moved.project.environment_for(wrong, "production")
    refused = moved.cli("start", "--strategy", "copy")
    assert refused.returncode not in (0, 1), refused.stderr
    assert "reader" in refused.stderr
    assert not shows(refused.stderr + refused.stdout)
