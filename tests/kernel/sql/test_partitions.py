"""Statements about a partitioned table alone, and when its partitions are attached."""

from __future__ import annotations

import pytest

from confiture.model import SourceFile
from confiture.sql import order_statements, read_script

ATTACH = "ALTER TABLE ONLY p ATTACH PARTITION p1 FOR VALUES FROM (1) TO (9)"


@pytest.mark.parametrize(
    ("constraint", "after"),
    [("PRIMARY KEY (id)", True), ("UNIQUE (id)", True), ("CHECK (id > 0)", False)],
)
def test_a_key_of_the_parent_alone_waits_for_its_partitions_and_a_check_does_not(constraint: str, after: bool) -> None:
    """Attached later, a partition would get a second index; a CHECK of the parent alone is refused with partitions."""
    alone = f"ALTER TABLE ONLY p ADD CONSTRAINT c {constraint}"
    sql = f"""CREATE VIEW first AS SELECT id FROM p; CREATE TABLE p (id int NOT NULL) PARTITION BY RANGE (id);
        CREATE TABLE p1 (id int NOT NULL); {alone}; {ATTACH};"""
    order = [statement.sql for statement in order_statements(read_script([SourceFile("s.sql", sql)])).statements]
    assert after == (order.index(alone) > order.index(ATTACH))
