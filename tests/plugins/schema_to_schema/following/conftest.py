"""An old database that is written to, a new one that follows it, and a mirror to compare it with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from confiture.model import Target
from conftest import ProjectFolder, run_psql

CONFIG = '[schema-to-schema]\nstrategy = "copy"\nchunk_mb = 0\ncapture = "triggers"\n'
OLD = """
    CREATE TABLE region (id int PRIMARY KEY, name text);
    CREATE TABLE country (code text PRIMARY KEY, label text, region int);
    CREATE TABLE users (id int PRIMARY KEY, login text UNIQUE, country text, boss int, gone boolean DEFAULT false);
    CREATE TABLE orders (id bigint PRIMARY KEY, user_id int REFERENCES users ON DELETE CASCADE ON UPDATE CASCADE,
        total numeric(10,2));
    CREATE TABLE cats (id int PRIMARY KEY, name text);
    CREATE TABLE dogs (id int PRIMARY KEY, name text);
    CREATE TABLE "Log ""T"".x" (at int, "K" text, line text, PRIMARY KEY (at, "K")) PARTITION BY RANGE (at);
    CREATE TABLE log_a PARTITION OF "Log ""T"".x" FOR VALUES FROM (0) TO (50);
    CREATE TABLE log_b PARTITION OF "Log ""T"".x" DEFAULT;
    INSERT INTO region VALUES (1, 'One'), (2, 'Two');
    INSERT INTO country VALUES ('a', 'A', 1), ('b', 'B', 2), ('c', 'C', NULL);
    INSERT INTO users SELECT n, 'u' || n, chr(97 + n % 4), NULL FROM generate_series(1, 120) AS n;
    INSERT INTO orders SELECT n, 1 + n % 120, n FROM generate_series(1, 300) AS n;
    INSERT INTO cats SELECT n, 'cat ' || n FROM generate_series(1, 60) AS n;
    INSERT INTO dogs SELECT n, 'dog ' || n FROM generate_series(1, 60) AS n;
    INSERT INTO "Log ""T"".x" SELECT n, chr(65 + n % 9), 'line' FROM generate_series(1, 90) AS n;
    ANALYZE;
"""
NEW = """
    CREATE TABLE accounts (id bigint PRIMARY KEY, login varchar(60) UNIQUE, country text,
        seen timestamptz DEFAULT clock_timestamp());
    CREATE TABLE orders (id bigint PRIMARY KEY, account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
        total numeric(10,2));
    CREATE TABLE pets (kind text NOT NULL, id int NOT NULL, name text, PRIMARY KEY (kind, id));
    CREATE TABLE "Log ""T"".x" (at int, "K" text, line text, PRIMARY KEY (at, "K"));
    CREATE TABLE totals (user_id int PRIMARY KEY, total numeric);
"""
MAP = """
tables:
  users:
    target: accounts
    columns: {country: {target: country, transform: "concat(c.label, r.name)"}}
    drop: [boss, gone]
    filter: not gone
    lookups:
      c: {table: country, on: c.code = users.country}
      r: {table: region, on: r.id = c.region}
  orders:
    into:
      - target: orders
        columns: {user_id: account_id}
        lookups:
          u: {table: users, on: u.id = orders.user_id and not u.gone, join: inner}
          c: {table: country, on: c.code = u.country, join: inner}
      - target: totals
        full_refresh: true
        custom_sql: INSERT INTO totals (user_id, total) SELECT user_id, sum(total) FROM orders GROUP BY user_id
  cats: {target: pets, defaults: {kind: "'cat'"}}
  dogs: {target: pets, defaults: {kind: "'dog'"}}
drop: [country, region]
"""
#: What each new table is to have, over the old database.
EXPECTED = {
    "accounts": (
        "SELECT u.id::bigint, u.login, concat(c.label, r.name) FROM users u LEFT JOIN country c ON c.code = u.country"
        " LEFT JOIN region r ON r.id = c.region WHERE NOT u.gone",
        "id, login, country",
    ),
    "orders": (
        "SELECT o.id, o.user_id::bigint, o.total FROM orders o JOIN users u ON u.id = o.user_id AND NOT u.gone"
        " JOIN country c ON c.code = u.country",
        "id, account_id, total",
    ),
    "pets": ("SELECT 'cat', id, name FROM cats UNION ALL SELECT 'dog', id, name FROM dogs", "kind, id, name"),
    '"Log ""T"".x"': ('SELECT at, "K", line FROM "Log ""T"".x"', 'at, "K", line'),
    "totals": ("SELECT user_id, sum(total) FROM orders GROUP BY user_id", "user_id, total"),
}


class Following:
    """Both databases, and the ways to bring one after the other."""

    def __init__(self, project: ProjectFolder, new_database: Callable[[], Target], kernel_run: Any) -> None:
        self.project = project
        self.run = kernel_run
        self.source, self.target = new_database(), new_database()
        run_psql(self.source, OLD)
        run_psql(self.target, NEW)
        project.environment_for(self.source, "production")
        project.environment_for(self.target, "production_new")

    async def start(self, medium: str = "schema-to-schema", *, observers: Any = (), **values: Any) -> Any:
        async with self.run(self.project, database=self.source, observers=observers) as run:
            return await run.start(medium, **values)

    async def follow(self, **values: Any) -> Any:
        return await self.start("schema-to-schema-follow", **{"until_caught_up": True} | values)

    def write(self, sql: str) -> str:
        return run_psql(self.source, sql)

    def differing(self) -> dict[str, int]:
        """How many rows are on one side alone, by psql: EXCEPT in both directions, over a copy of the wanted rows."""
        found = {}
        for table, (query, columns) in EXPECTED.items():
            wanted = run_psql(self.source, f"COPY (SELECT * FROM ({query}) AS q) TO STDOUT")
            sql = f"""
                BEGIN; CREATE TEMP TABLE mirror AS SELECT {columns} FROM {table} WHERE false;
                COPY mirror FROM STDIN;
{wanted.rstrip(chr(10))}{chr(10) if wanted.strip() else ""}\\.
                SELECT (SELECT count(*) FROM (SELECT {columns} FROM {table} EXCEPT ALL TABLE mirror) AS a)
                     + (SELECT count(*) FROM (TABLE mirror EXCEPT ALL SELECT {columns} FROM {table}) AS b);
            """
            if number := int(run_psql(self.target, sql).split()[-1]):
                found[table] = number
        return found


@pytest.fixture
def following(project, new_database, kernel_run) -> Following:
    project.config(CONFIG)
    project.write("db/migration_map.yaml", MAP)
    return Following(project, new_database, kernel_run)
