"""NOT NULL constraints keep their names when a column's type changes, which PostgreSQL 18 alone does not see to."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.anyio

ATTACHED = """
    CREATE TABLE p (id int, "M m" {0} NOT NULL, PRIMARY KEY (id, "M m")) PARTITION BY RANGE (id);
    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
    CREATE TABLE p2 (id int NOT NULL, "M m" {0} CONSTRAINT own NOT NULL, PRIMARY KEY (id, "M m"));
    ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (10) TO (20);
    CREATE TABLE refers (id int, m {0}, FOREIGN KEY (id, m) REFERENCES p);
"""
INHERITED = """
    CREATE TABLE i (m {0} NOT NULL);
    CREATE TABLE j (m {0} NOT NULL) INHERITS (i);
    CREATE TABLE k () INHERITS (j);
    CREATE TABLE plain () INHERITS (i);
    CREATE TABLE ki (m {0} PRIMARY KEY);
    CREATE TABLE kj (m {0} PRIMARY KEY) INHERITS (ki);
"""


async def test_of_partitions_that_were_attached_with_other_names(migrates) -> None:
    await migrates(
        ATTACHED.format("int"),
        ATTACHED.format("bigint"),
        rows="INSERT INTO p VALUES (1, 2), (11, 12); INSERT INTO refers VALUES (11, 12)",
        after={"SELECT * FROM p ORDER BY 1": "1|2\n11|12"},
    )


async def test_of_children_with_constraints_of_their_own(migrates) -> None:
    """There the bare ALTER COLUMN fails: "cannot create not-null constraint"."""
    await migrates(INHERITED.format("int"), INHERITED.format("bigint"))
