"""Public sample databases, masked and subset: every check is green, and the same run gives the same rows."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import pgserver
from confiture.config.dsn import to_uri
from confiture.model import Target
from conftest import ProjectFolder, run_psql, wait_gone
from data import split_sample
from e2e.sync.pairs import KEY, Pair, digest

pytestmark = pytest.mark.anyio

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
#: Of how many runs something is left where they are killed.
CUTS = 2
#: Personal columns of each, as `sync init` finds them or a person would write them.
RULES = {
    "pagila": """
anonymize:
  customer:
    first_name: {pseudonym: {}}
    last_name: {pseudonym: {syllables: 4}}
    email: "user_{customer_id}@example.com"
  address:
    address: {scramble: {}}
    address2: null
    postal_code: {generalize: zip3}
    phone: "{random(10)}"
  staff:
    first_name: {pseudonym: {}}
    last_name: {pseudonym: {}}
    email: {email: {}}
    username: {hash: {length: 12}}
    password: {constant: "x"}
    picture: null
  actor:
    first_name: {keep: "they are on the poster"}
    last_name: {keep: "they are on the poster"}
""",
    "chinook": """
anonymize:
  customer:
    first_name: {pseudonym: {}}
    last_name: {pseudonym: {}}
    company: {hash: {length: 10}}
    address: "Street {random(3)}"
    postal_code: {generalize: zip3}
    phone: {phone: {keep: country}}
    fax: null
    email: "user_{customer_id}@example.com"
  employee:
    first_name: {pseudonym: {}}
    last_name: {pseudonym: {}}
    birth_date: {date_shift: {days: 200}}
    address: "Street {random(3)}"
    postal_code: {generalize: zip3}
    phone: {phone: {keep: country}}
    fax: null
    email: {email: {}}
  invoice:
    billing_address: "Street {random(3)}"
    billing_postal_code: {generalize: zip3}
""",
}
#: Seeds of a subset, the children that go with them, and the table that the seeds are of.
SUBSETS = {
    "pagila": {
        "where": {"customer": "customer_id % 20 = 3"},
        "sample": {"film_actor": "5%", "film_category": "5%"},  # nothing leads to them
        "children": ("rental.customer_id", "payment.rental_id"),
    },
    "chinook": {
        "sample": {"customer": "20%", "playlist_track": "5%"},
        "children": ("invoice.customer_id", "invoice_line.invoice_id"),
    },
}
#: Each foreign key's children that have no parent, as one number; partitions are looked at through their root.
ORPHANS = """
SELECT format('SELECT count(*) FROM %s c WHERE ROW(%s) IS NOT NULL AND NOT EXISTS (SELECT FROM %s p WHERE %s)',
              conrelid::regclass, string_agg(format('c.%I', a.attname), ', '), confrelid::regclass,
              string_agg(format('c.%I = p.%I', a.attname, f.attname), ' AND '))
  FROM pg_constraint k CROSS JOIN LATERAL unnest(conkey, confkey) u(n, m)
  JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = u.n
  JOIN pg_attribute f ON f.attrelid = confrelid AND f.attnum = u.m
 WHERE contype = 'f' AND conparentid = 0 GROUP BY k.oid, conrelid, confrelid
"""


def dump(target: Target, *options: str) -> str:
    """What pg_dump says, without what changes with each run of it."""
    done = subprocess.run(
        [str(pgserver.binaries() / "pg_dump"), "-d", to_uri(target.params), *options],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


@pytest.fixture(scope="module")
def samples(new_database: Callable[..., Target]) -> Callable[[str], tuple[Target, str]]:
    """A sample, loaded once, and its schema as a script."""
    loaded: dict[str, tuple[Target, str]] = {}

    def load(name: str) -> tuple[Target, str]:
        file = DATA / f"{name}.sql"
        if not file.is_file():
            pytest.skip(f"the sample {name}.sql is not here")
        if name not in loaded:
            text = file.read_text()
            if name == "chinook":
                own = split_sample.CHINOOK_OWN_DATABASE
                text = "".join(line for line in text.splitlines(keepends=True) if line.strip() not in own)
            target = new_database(lasting=True)
            run_psql(target, text + "\nANALYZE;")
            loaded[name] = target, dump(target, "--schema-only", "--no-owner")
        return loaded[name]

    return load


@pytest.fixture
def sample(
    samples: Callable[[str], tuple[Target, str]],
    new_database: Callable[..., Target],
    project: ProjectFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], Pair]:
    """A sample as the source, and a database of its schema as the target."""
    monkeypatch.setenv("CONFITURE_ANONYMIZATION_KEY", KEY)

    def make(name: str) -> Pair:
        source, schema = samples(name)
        pair = Pair(project, source, new_database())
        run_psql(pair.target, schema)
        pair.rules(RULES[name])
        return pair

    return make


def orphans(target: Target) -> int:
    """Children without parents, over all foreign keys."""
    queries = run_psql(target, ORPHANS).splitlines()
    assert queries
    return sum(int(run_psql(target, query)) for query in queries)


@pytest.mark.parametrize("name", ["pagila", "chinook"])
async def test_whole(name: str, sample: Callable[[str], Pair]) -> None:
    pair = sample(name)
    schema = dump(pair.target, "--schema-only", "--no-owner", "--exclude-schema=confiture")
    report = await pair.sync(jobs=2)
    assert [check for check in report.checks if not check.ok] == []
    assert report.exit_code == 0
    first = digest(pair.target)
    assert {table: rows.split()[0] for table, rows in first.items()} == {
        table: rows.split()[0] for table, rows in digest(pair.source).items()
    }
    assert dump(pair.target, "--schema-only", "--no-owner", "--exclude-schema=confiture") == schema
    assert orphans(pair.target) == 0
    again = await pair.sync(truncate=True, jobs=1, verify=False)
    assert again.exit_code == 0
    assert digest(pair.target) == first  # so that the checks would find the same


@pytest.mark.parametrize("name", ["pagila", "chinook"])
async def test_subset(name: str, sample: Callable[[str], Pair]) -> None:
    pair = sample(name)
    report = await pair.sync(**SUBSETS[name])
    assert [check for check in report.checks if not check.ok] == []
    customers = int(pair.on_target("SELECT count(*) FROM customer"))
    assert 0 < customers < int(pair.on_source("SELECT count(*) FROM customer")) / 2
    assert orphans(pair.target) == 0
    # No more than what belongs to somebody who was chosen.
    child = "rental" if name == "pagila" else "invoice"
    assert (
        pair.on_target(f"SELECT count(*) FROM {child} WHERE customer_id NOT IN (SELECT customer_id FROM customer)")
        == "0"
    )
    chosen = pair.on_target("SELECT string_agg(customer_id::text, ',') FROM customer")
    count = f"SELECT count(*) FROM {child} WHERE customer_id IN ({chosen})"
    assert pair.on_target(count) == pair.on_source(count)


def unfinished(target: Target) -> bool:
    """Whether a run was cut there: in its tables, or before it wrote its own record."""
    found = ("confiture_sync_runs WHERE finished IS NULL", "confiture_sync_objects")
    there = [run_psql(target, f"SELECT to_regclass('confiture.{name.split()[0]}')") for name in found]
    return any(
        run_psql(target, f"SELECT count(*) FROM confiture.{name}") != "0"
        for name, known in zip(found, there, strict=True)
        if known
    )


def copy(project: ProjectFolder, server: Target, *options: str, moments: int | None = None) -> int:
    """Run the command, and kill it when it said so many things since it began with rows: how many it said then."""
    command = [sys.executable, "-m", "confiture", "sync", "--from", "production", "--no-verify", "-v", *options]
    said, rows = [], 0
    with subprocess.Popen(command, cwd=project.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        for line in process.stderr or ():
            said.append(line.decode())
            rows += bool(rows) or b"sync.rows" in line
            if moments is not None and rows > moments:
                process.kill()
                break
    # What it had told the server to do is done, and its lock is free.
    wait_gone(server, process.pid)
    # It may have come to its end before the signal came.
    assert process.returncode == 0 or (moments and process.returncode == -signal.SIGKILL), "".join(said)
    return rows


@pytest.mark.parametrize("name", ["pagila", "chinook"])
def test_killed_and_resumed(name: str, sample: Callable[[str], Pair], new_database: Callable[..., Target]) -> None:
    """At random moments; runs that go on are killed too, and the last one comes to its end."""
    pair = sample(name)
    clean = new_database()
    run_psql(clean, dump(pair.target, "--schema-only", "--no-owner"))
    pair.project.environment_for(clean, "clean")
    moments = copy(pair.project, pair.target, "--to", "clean")
    assert moments > 10
    chance = random.Random(name)
    runs = cut = 0
    going_on = False
    while cut < CUTS:
        how = "--resume" if going_on else "--truncate"
        # What goes on has less to say.
        copy(pair.project, pair.target, "--to", "local", how, moments=chance.randrange(1, moments // (2 + cut)))
        cut += (going_on := unfinished(pair.target))
        runs += 1
        assert runs < 20
    copy(pair.project, pair.target, "--to", "local", "--resume")
    assert digest(pair.target) == digest(clean)
    schema = [dump(each, "--schema-only", "--no-owner", "--exclude-schema=confiture") for each in (pair.target, clean)]
    assert schema[0] == schema[1]
