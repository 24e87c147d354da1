"""What is kept of the statements read last: it saves time and changes nothing."""

from __future__ import annotations

import pytest

from confiture.model import Plan, SourceFile, Statement
from confiture.sql import assign_levels, order_statements, read_script
from confiture.sql.recent import Recent


def test_the_oldest_values_go_when_the_text_is_too_much() -> None:
    """A process that reads for days must not grow."""
    recent: Recent[int] = Recent(limit=10)
    for number, text in enumerate(("aaaa", "bbbb", "cccc")):
        recent.put(text, number)
    assert [recent.get(text) for text in ("aaaa", "bbbb", "cccc")] == [None, 1, 2]


def test_a_value_is_kept_for_each_thing_that_it_depends_on() -> None:
    """The same text means something else under another search path."""
    recent: Recent[int] = Recent()
    recent.put("table t", 1, ("a",))
    recent.put("table t", 2, ("b",))
    assert (recent.get("table t", ("a",)), recent.get("table t", ("b",)), recent.get("table t")) == (1, 2, None)


def test_equal_statements_under_different_search_paths_need_different_tables() -> None:
    """The first plan's facts must not stand in for the second's."""
    for schema in ("a", "b"):
        sql = (
            f"CREATE SCHEMA {schema}; SET search_path TO {schema}; CREATE VIEW v AS SELECT * FROM t; RESET search_path;"
            "CREATE TABLE t (x int); CREATE SCHEMA other; CREATE TABLE other.t (x int);"
            f"CREATE TABLE {schema}.t (x int);"
        )
        ordering = order_statements(read_script([SourceFile("s.sql", sql)]))
        (moved,) = ordering.moved
        assert ("CREATE VIEW v AS SELECT * FROM t", [f'relation "{schema}.t"']) == (
            moved.statement.sql,
            [because.need for because in moved.because],
        )


@pytest.mark.parametrize("count", [1, 250])
def test_a_plan_that_nobody_has_read_is_parsed(count: int) -> None:
    """Plans can be made by hand or stored; several hundred statements are parsed in several parts."""
    statements = [
        Statement(sql=f"CREATE TABLE unread_{count}_{i} (x int) -- at the end", kind="CreateStmt") for i in range(count)
    ]
    index = Statement(sql=f"CREATE INDEX ON unread_{count}_{count - 1} (x)", kind="IndexStmt")
    plan = assign_levels(Plan(statements=(*statements, index)))
    assert [0] * count + [1] == [statement.level for statement in plan.statements]
