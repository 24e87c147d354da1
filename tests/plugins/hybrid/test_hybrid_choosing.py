"""The rule, and what a sample does to it."""

from __future__ import annotations

import pytest

from confiture_hybrid.choosing import choose
from confiture_hybrid.config import HybridConfig
from confiture_hybrid.reading import complexity, streams

FEW, MANY = 9_999_999, 10_000_000
JOINS = "joins tables"


@pytest.mark.parametrize(
    ("rows", "complexity", "rates", "engine", "words"),
    [
        (FEW, JOINS, {}, "fdw", "complex mapping (joins tables): the rule"),
        (MANY, None, {}, "copy", "10,000,000 rows (not fewer than 10,000,000), simple mapping: the rule"),
        (FEW, None, {}, "fdw", "9,999,999 rows (fewer than 10,000,000), simple mapping: by size"),
        (MANY, JOINS, {}, "copy", "by size"),
        (FEW, None, {"copy": 9.0}, "fdw", "by size"),
        (FEW, None, {"copy": 310_000.4, "fdw": 120_000.0}, "copy", "sample: copy 310,000 rows/s, fdw 120,000"),
        (MANY, JOINS, {"copy": 2.0, "fdw": 3.0}, "fdw", "no rule, the faster one"),
        (FEW, JOINS, {"copy": 14.0, "fdw": 10.0}, "fdw", "the rule; sample: copy 14 rows/s, fdw 10"),
        (FEW, JOINS, {"copy": 15.0, "fdw": 10.0}, "copy", "the rule says fdw, but copy is 1.5 times faster"),
        (MANY, None, {"copy": 10.0, "fdw": 31.0}, "fdw", "the rule says copy, but fdw is 3.1 times faster"),
        (MANY, None, {"copy": 31.0, "fdw": 10.0}, "copy", "simple mapping: the rule"),
        (FEW, JOINS, {"copy": 1.0, "fdw": 0.0}, "copy", "times faster"),
    ],
)
def test_the_rule_and_the_sample(rows, complexity, rates, engine, words):
    """Each quarter of size and mapping, and the margin by which a sample overrules it."""
    choice = choose(HybridConfig(), rows, complexity, rates)
    assert choice.engine == engine
    assert words in choice.because


def test_thresholds_engines_and_margin_are_settings():
    """What is fast differs from one pair of servers to the next."""
    config = HybridConfig(small="a", large="b", rows=10, margin=3)
    assert choose(config, 9, JOINS, {}).engine == "a"
    assert choose(config, 10, None, {}).engine == "b"
    assert choose(config, 10, None, {"a": 2.9, "b": 1.0}).engine == "b"
    assert choose(config, 10, None, {"a": 3.0, "b": 1.0}).engine == "a"


def test_why_there_is_no_sample_is_told():
    """An answer without figures says what they would have cost."""
    assert choose(HybridConfig(), 7, None, {}, "too few rows").because.endswith("by size; too few rows")


@pytest.mark.parametrize(
    ("query", "reason", "first_rows_first"),
    [
        ("SELECT a, b::int, NULL, '{}'::text[], t.* FROM ONLY s.t AS t WHERE a > 3 AND b IS NULL;", None, True),
        ('SELECT "a b" COLLATE "C" FROM t -- all', None, True),
        ("SELECT a FROM t ORDER BY a", "sorts rows", False),
        ("SELECT DISTINCT a FROM t", "has DISTINCT", False),
        ("SELECT a FROM t UNION ALL SELECT 2", "combines queries", False),
        ("SELECT a, count(*) FROM t GROUP BY 1", "groups rows", False),
        ("SELECT max(a) FROM t HAVING true", "groups rows", False),
        ("SELECT sum(a) OVER () FROM t", "has window functions", False),
        ("WITH w AS (SELECT 1) SELECT a FROM t", "has WITH", True),
        ("SELECT a AT TIME ZONE 'UTC' FROM t", "calls functions", True),
        ("SELECT a FROM t WHERE f(a)", "calls functions", True),
        ("SELECT a || 'x' FROM t", "computes values", True),
        ("SELECT CASE WHEN a THEN b END FROM t", "computes values", True),
        ("SELECT coalesce(a, 1) FROM t", "computes values", True),
        ("SELECT current_date FROM t", "computes values", True),
        ("SELECT a[1] FROM t", "computes values", True),
        ("SELECT a FROM t, u", "joins tables", True),
        ("SELECT a FROM t LEFT JOIN u USING (a)", "joins tables", True),
        ("SELECT a FROM (SELECT a FROM t) AS q", "has a sub-select", True),
        ("SELECT a FROM t WHERE a IN (SELECT 1)", "has a sub-select", True),
        ("SELECT a FROM generate_series(1, 2) AS a", "reads from a function", True),
        ("SELEC", "is not one plain SELECT", False),
        ("SELECT 1; SELECT 2", "is not one plain SELECT", False),
        ("", "is not one plain SELECT", False),
    ],
)
def test_what_makes_a_mapping_complex(query, reason, first_rows_first):
    """Plain columns, casts and comparisons are simple; whatever computes is not, wherever it stands."""
    assert complexity(query) == reason
    assert streams(query) is first_rows_first
