"""What is plotted of days of samples: rows where they were copied, and the worst of each time."""

from __future__ import annotations

from confiture_schema_to_schema.history.gathering import _LAGS, _RATES
from conftest import run_psql

CHUNKS = """
SET timezone = 'UTC';
CREATE TABLE c (run_id text, rows bigint, bytes bigint, seconds float8, finished timestamptz, xid xid8);
INSERT INTO c VALUES ('r', 100, 1000, 10, '2026-01-01 00:00:10+00', '7'),
    ('r', 50, 0, 5, '2026-01-01 00:00:10+00', '8'),
    ('r', 9999, 0, 10, NULL, NULL), ('other', 9999, 0, 10, '2026-01-01 00:00:10+00', '9');
"""
LAGS = """
SET timezone = 'UTC';
CREATE TABLE l (run_id text, at timestamptz, lag_s float8, backlog_entries bigint);
INSERT INTO l SELECT 'r', '2026-01-01'::timestamptz + n * interval '1 s', CASE WHEN n = 333 THEN 9 ELSE 1 END, n
    FROM generate_series(0, 999) AS n;
"""


def test_rows_are_spread_over_the_time_that_they_took(database) -> None:
    """A range of ten seconds, and one of five at its end: ten rows a second, then twenty."""
    query = _RATES.format(chunks="c")
    lines = run_psql(database, f"{CHUNKS} PREPARE q (text, int) AS {query}; EXECUTE q ('r', 10)").splitlines()
    rates = [[float(cell) for cell in line.split("|")[1:]] for line in lines if line.count("|") == 2]
    assert [rows for rows, _ in rates] == [10] * 5 + [20] * 5
    assert [octets for _, octets in rates] == [100] * 10


def test_a_lag_between_two_samples_of_a_plot_is_not_lost(database) -> None:
    """The one bad second of a quarter of an hour."""
    query = _LAGS.format(lags="l")
    lines = run_psql(database, f"{LAGS} PREPARE q (text, int) AS {query}; EXECUTE q ('r', 10)").splitlines()
    worst = [float(line.split("|")[1]) for line in lines if line.count("|") == 2]
    assert len(worst) in (10, 11)
    assert worst[3] == 9
    assert sum(worst) == len(worst) + 8
