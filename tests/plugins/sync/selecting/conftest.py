"""One database whose catalog all tests of this folder read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from confiture.config import Environment
from confiture.config.dsn import to_uri
from confiture.kernel import Kernel
from confiture.model import Target
from confiture_sync.cataloguing import read_catalog
from confiture_sync.configuring import Reference
from confiture_sync.values import Catalog

SCHEMA = """
CREATE TABLE users (id bigint PRIMARY KEY, email text, boss_id bigint REFERENCES users);
CREATE TABLE posts (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, editor_id bigint REFERENCES users);
CREATE TABLE post_tags (post_id bigint REFERENCES posts, tag text);
CREATE TABLE tags (name text);
CREATE SCHEMA billing;
CREATE TABLE billing.users (id bigint PRIMARY KEY);
CREATE TABLE billing.invoices (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE billing.lines (x int, y int, z int NOT NULL);
ALTER TABLE billing.invoices ADD UNIQUE (b, a);
ALTER TABLE billing.lines ADD FOREIGN KEY (y, x) REFERENCES billing.invoices (b, a) MATCH FULL;
CREATE SCHEMA "Odd.One";
CREATE TABLE "Odd.One"."My*Table" ("a""b" text, "Col.X" text);
CREATE TABLE "Odd.One"."MyOtherTable" (id int);
CREATE TABLE "Invoices" (id int, "Total" numeric);
CREATE TABLE "name[1]" (id int);
CREATE TABLE name1 (id int);
CREATE TABLE notes (kind text, about_id bigint);
CREATE TABLE log (at date, user_id bigint REFERENCES users) PARTITION BY RANGE (at);
CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY RANGE (at);
CREATE TABLE log_2a PARTITION OF log_2 FOR VALUES FROM ('2021-01-01') TO ('2021-07-01');
"""
LATER = """
ALTER TABLE log ADD tag_id bigint;
CREATE TABLE kinds (id bigint PRIMARY KEY);
ALTER TABLE log_1 ADD CONSTRAINT own FOREIGN KEY (tag_id) REFERENCES kinds;
INSERT INTO log (at) SELECT '2020-05-01' FROM generate_series(1, 300);
INSERT INTO log (at) SELECT '2021-05-01' FROM generate_series(1, 200);
INSERT INTO tags SELECT repeat('x', 400) FROM generate_series(1, 2000);
CREATE TABLE confiture_migrations (id int);
CREATE TABLE base (id int);
CREATE TABLE heir (extra int) INHERITS (base);
CREATE UNLOGGED TABLE quick (id int);
CREATE VIEW seen AS SELECT * FROM users;
ANALYZE log;
"""


@pytest.fixture(scope="module")
def sample(new_database: Callable[[], Target], psql) -> Target:
    """The database."""
    target = new_database()
    psql(target, SCHEMA + LATER)
    return target


@pytest.fixture(scope="module")
def read(sample: Target, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Catalog]:
    """``read(references)``: the catalog of the database."""
    folder: Path = tmp_path_factory.mktemp("project")

    def catalog(*references: Reference, target: Target = sample) -> Catalog:
        async def look() -> Catalog:
            environment = Environment(name="local", database_url=to_uri(target.params, password=True))
            async with Kernel(folder).run(environment=environment) as run, run.connect(target) as connection:
                return await read_catalog(connection, own_schema="public", references=references, file="rules.yaml")

        return asyncio.run(look())

    return catalog


@pytest.fixture(scope="module")
def catalog(read: Callable[..., Catalog]) -> Catalog:
    """The catalog, without references of a file's."""
    return read()
