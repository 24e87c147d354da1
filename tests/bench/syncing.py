"""``confiture sync`` of a database of several tables with indexes, beside a pipe of two psql for each table."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pgserver
from bench.copying import _Session
from bench.harness import Side, measure
from confiture.config.dsn import to_uri
from confiture.model import Target

#: Customers; the other tables have so many rows for each.
ROWS = int(os.environ.get("CONFITURE_BENCH_ROWS", "200000"))
SCHEMA = """
CREATE TABLE countries (code char(2) PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE customers (id bigint PRIMARY KEY, email text NOT NULL UNIQUE, name text, phone text,
       country char(2) NOT NULL REFERENCES countries, created timestamptz NOT NULL, notes text);
CREATE INDEX ON customers (country); CREATE INDEX ON customers (lower(name)); CREATE INDEX ON customers (created);
CREATE TABLE products (id int PRIMARY KEY, sku text NOT NULL UNIQUE, title text, price numeric(10, 2));
CREATE INDEX ON products (title);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers,
       placed timestamptz NOT NULL, status text NOT NULL, total numeric(12, 2));
CREATE INDEX ON orders (customer_id); CREATE INDEX ON orders (placed); CREATE INDEX ON orders (status, placed);
CREATE TABLE items (id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders,
       product_id int NOT NULL REFERENCES products, quantity int NOT NULL, price numeric(10, 2));
CREATE INDEX ON items (order_id); CREATE INDEX ON items (product_id);
CREATE TABLE reviews (id uuid PRIMARY KEY, product_id int NOT NULL REFERENCES products, customer_id bigint NOT NULL
       REFERENCES customers, stars int, body text);
CREATE INDEX ON reviews (product_id); CREATE INDEX ON reviews (customer_id)
"""
FILL = f"""
INSERT INTO countries SELECT chr(65 + i / 26) || chr(65 + i % 26), 'Country ' || i FROM generate_series(0, 199) i;
INSERT INTO customers SELECT i, 'someone' || i || '@corp.io', 'Name ' || md5(i::text), '+49 30 ' || i,
       chr(65 + i % 200 / 26) || chr(65 + i % 200 % 26), timestamptz '2020-01-01' + i * interval '1 min',
       repeat('x', i % 60)
  FROM generate_series(1, {ROWS}) i;
INSERT INTO products SELECT i, 'sku-' || i, md5(i::text), i % 1000 FROM generate_series(1, {ROWS // 10}) i;
INSERT INTO orders SELECT i, i % {ROWS} + 1, timestamptz '2021-01-01' + i * interval '1 s',
       (ARRAY['paid', 'open', 'sent'])[i % 3 + 1], i % 500 FROM generate_series(1, {ROWS * 2}) i;
INSERT INTO items SELECT i, i % {ROWS * 2} + 1, i % {ROWS // 10} + 1, i % 9 + 1, i % 100
  FROM generate_series(1, {ROWS * 4}) i;
INSERT INTO reviews SELECT md5(i::text)::uuid, i % {ROWS // 10} + 1, i % {ROWS} + 1, i % 5, repeat('y', i % 90)
  FROM generate_series(1, {ROWS}) i
"""
#: Parents before children: a pipe has to know.
TABLES = ("countries", "customers", "products", "orders", "items", "reviews")
RULES = """
anonymize:
  customers:
    email: "user_{id}@example.com"
    name: {pseudonym: {}}
    phone: "+1-555-{random(4)}"
"""


class _Measuring:
    def __init__(self, server: Target, folder: Path) -> None:
        self.folder = folder
        self.psql = [str(pgserver.binaries() / "psql"), "-Xq", "-h", server.params["host"], "-U", pgserver.SUPERUSER]
        self.server = server
        self.source, self.target = server.with_database("bench_sync_a"), server.with_database("bench_sync_b")

    def run(self, place: Target, *commands: str) -> None:
        options = [part for command in commands for part in ("-c", command)]
        subprocess.run([*self.psql, "-v", "ON_ERROR_STOP=1", "-d", place.database, *options], check=True)

    def prepare(self) -> None:
        for place in (self.source, self.target):
            self.run(self.server, f"CREATE DATABASE {place.database}")
            self.run(place, SCHEMA)
        self.run(self.source, FILL, "VACUUM ANALYZE")
        for name, place in (("production", self.source), ("local", self.target)):
            file = self.folder / "db" / "environments" / f"{name}.toml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"database_url = '{to_uri(place.params)}'\n")
        (self.folder / "confiture.toml").touch()
        (self.folder / "db" / "sync_config.yaml").write_text(RULES)

    def emptied(self) -> None:
        self.run(self.target, f"TRUNCATE {', '.join(TABLES)}", "CHECKPOINT")

    def pipes(self) -> None:
        for table in TABLES:
            out = [*self.psql, "-d", self.source.database, "-c", f"COPY {table} TO STDOUT (FORMAT binary)"]
            into = [*self.psql, "-d", self.target.database, "-c", f"COPY {table} FROM STDIN (FORMAT binary)"]
            with subprocess.Popen(out, stdout=subprocess.PIPE) as first:
                subprocess.run(into, stdin=first.stdout, check=True)
            assert first.returncode == 0
        self.run(self.target, "ANALYZE")

    def sync(self, *options: str) -> None:
        command = [sys.executable, "-m", "confiture", "sync", "--from", "production", "--to", "local", "-q", *options]
        environment = {**os.environ, "CONFITURE_ANONYMIZATION_KEY": "0123456789abcdef0123456789abcdef"}
        subprocess.run(command, cwd=self.folder, env=environment, check=True, stdout=subprocess.DEVNULL)


def run(folder: Path) -> None:
    """Six tables with sixteen indexes and five foreign keys."""
    with closing(_Session()) as session:
        job = _Measuring(session.server, folder / "sync")
        job.prepare()
        unmasked = ("--no-mask", "--confirm", "local", "--no-verify")
        results = measure(
            f"a database of six tables, {ROWS * 8.1:,.0f} rows, 16 indexes, 6 foreign keys",
            [
                Side("psql | psql for each", job.pipes, before=job.emptied),
                Side("sync, unmasked", lambda: job.sync(*unmasked), before=job.emptied),
                Side("sync, one worker", lambda: job.sync(*unmasked, "--jobs", "1"), before=job.emptied),
                Side("sync, three masks", lambda: job.sync("--no-verify"), before=job.emptied),
                Side("sync, masks and checks", job.sync, before=job.emptied),
            ],
            rounds=int(os.environ.get("CONFITURE_BENCH_ROUNDS", "5")),
        )
        ratio = results[1].median / results[0].median
        print(f"  time of the pipes': {ratio:.2f} (wanted: below 1) {'' if ratio < 1 else 'MISSED'}")
