"""Masks in the client touch the fields that they are for, whatever is around them and wherever a piece ends."""

from __future__ import annotations

import itertools
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confiture.errors import ConfigError, ConfitureError, Refused
from confiture.model import Mask
from confiture_copy.binary import SIGNATURE, BinaryMasker, count_rows
from confiture_copy.text import TextMasker, escape, unescape


def shout(value: bytes | None) -> bytes | None:
    """What the tests mask with: other lengths, NULL to a value and a value to NULL."""
    if value is None:
        return b"was null"
    return None if value == b"" else value.upper() + b"\t\\!"


def binary_stream(rows) -> bytes:
    parts = [SIGNATURE, bytes(8)]
    for row in rows:
        parts.append(len(row).to_bytes(2, "big"))
        for value in row:
            parts.append(b"\xff" * 4 if value is None else len(value).to_bytes(4, "big") + value)
    return b"".join([*parts, b"\xff\xff"])


def text_stream(rows) -> bytes:
    return b"".join(b"\t".join(map(escape, row)) + b"\n" for row in rows)


def masked_rows(rows, numbers):
    return [tuple(shout(value) if n in numbers else value for n, value in enumerate(row)) for row in rows]


field = st.none() | st.binary(max_size=6) | st.sampled_from([b"\xff\xff", b"\\N", b"\t", b"\n\\."])
tables = st.integers(1, 5).flatmap(lambda width: st.tuples(st.just(width), st.lists(st.tuples(*[field] * width))))


@given(tables, st.sets(st.integers(0, 4)), st.lists(st.integers(0, 200)))
def test_any_table_cut_anywhere_comes_out_masked(table, numbers, cuts):
    """Of the binary and of the text form alike; the rows are counted."""
    width, rows = table
    numbers = {number for number in numbers if number < width}
    functions = dict.fromkeys(sorted(numbers), shout)
    names = [f"c{number}" for number in range(width)]
    for masker, stream in (
        (BinaryMasker("t", names, functions), binary_stream),
        (TextMasker("t", names, functions), text_stream),
    ):
        data = stream(rows)
        places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        out = b"".join(masker.feed(bytearray(data[a:b])) for a, b in itertools.pairwise(places))
        masker.end()
        assert out == stream(masked_rows(rows, numbers))
        assert masker.rows == len(rows)


@given(tables, st.integers(0, 300))
def test_rows_of_a_piece_are_counted_with_their_bytes(table, cut):
    """Whole rows only: what is left of the last one belongs to nobody."""
    _, rows = table
    data = binary_stream(rows)[:cut]
    found, size = count_rows(bytearray(data))
    whole = [count for count in range(len(rows) + 1) if len(binary_stream(rows[:count])) - 2 <= max(len(data), 19)]
    assert (found, size) == (whole[-1], len(binary_stream(rows[:found])) - 21)


@given(st.binary())
def test_text_fields_are_escaped_both_ways(value):
    """What COPY writes, it would read again."""
    assert unescape(escape(value)) == value
    assert b"\t" not in escape(value)
    assert b"\n" not in escape(value)


def test_a_stream_that_ends_within_a_row_is_an_error():
    """Sent on, it would be a row less, and nobody would know."""
    for masker, data in (
        (BinaryMasker("t", ["a"], {0: shout}), binary_stream([(b"x",)])[:-4]),
        (TextMasker("t", ["a"], {0: shout}), b"x\ny"),
    ):
        masker.feed(data)
        with pytest.raises(ValueError, match="within a row"):
            masker.end()


@pytest.mark.anyio
@pytest.mark.parametrize("binary", [True, False])
async def test_masks_in_the_query_and_in_the_client(transfer, both, psql, source, target, binary):
    """One column by SQL, one by a function, one by both; psql's own expression says what must be there."""
    both("CREATE TABLE t (id int PRIMARY KEY, a text, b text, c text, d text)")
    psql(
        source,
        "INSERT INTO t SELECT n, 'a' || n, nullif('b', repeat('b', n % 2)), 'c', 'd' FROM generate_series(1, 5000) n",
    )
    masks = [
        Mask(column="a", expression="'user_' || id"),
        Mask(column="b", function=lambda value: b"none" if value is None else value * 2),
        Mask(column="c", expression="c || id", function=f"{__name__}:backwards"),
    ]
    report = await transfer("id, a, b, c, d", masks=masks, binary=binary)
    assert report.rows == 5000
    wrong = """SELECT count(*) FILTER (WHERE a = 'user_' || id AND c = reverse('c' || id) AND d = 'd'
                                        AND b = CASE id % 2 WHEN 1 THEN 'none' ELSE 'bb' END) FROM t"""
    assert psql(target, wrong) == "5000"


def backwards(value: bytes | None) -> bytes | None:
    return value and value[::-1]


@pytest.mark.anyio
@pytest.mark.parametrize("end", [";", " ; \n", " -- all", " -- all;", " /* all */"])
async def test_a_query_may_end_as_people_end_it(transfer, both, psql, source, target, end):
    """With a semicolon, or in a comment that must not swallow what the engine puts behind it; so may an expression."""
    both("CREATE TABLE t (a text)")
    psql(source, "INSERT INTO t VALUES ('x')")
    await transfer("a", query=f"SELECT a FROM t{end}")
    await transfer("a", query=f"SELECT a FROM t{end}", masks=[Mask(column="a", expression="a || 'y' -- masked")])
    assert psql(target, "SELECT string_agg(a, ' ' ORDER BY a) FROM t") == "x xy"


@pytest.mark.anyio
async def test_masks_that_would_mask_nothing_are_refused(transfer, both, psql, target):
    """A slip in a name must not let a column through; neither must two masks of which one is forgotten."""
    both("CREATE TABLE t (a text)")
    for masks in (
        [Mask(column="A", expression="NULL")],
        [Mask(column="a")],
        [Mask(column="a", expression="NULL"), Mask(column="a", function=shout)],
    ):
        with pytest.raises(Refused):
            await transfer("a", masks=masks)
    for name in ("no_such_module:x", f"{__name__}:nothing", f"{__name__}:__doc__"):
        with pytest.raises(ConfigError, match="the mask of 'a' of 't'"):
            await transfer("a", masks=[Mask(column="a", function=name)])


@pytest.mark.anyio
@pytest.mark.parametrize("binary", [True, False])
async def test_a_mask_that_fails_tells_where_and_nothing_of_the_value(transfer, both, psql, source, target, binary):
    """Not in the message, not in the traceback: Python's own errors quote what they were given."""
    both("CREATE TABLE t (a text)")
    psql(source, "INSERT INTO t SELECT 'secret' || n FROM generate_series(1, 5000) AS n")
    for function, words in (
        (lambda value: int(value), "raised ValueError in .*test_copy_masks.py"),
        (str, "returned a str"),
    ):
        with pytest.raises(ConfitureError, match=f"the mask of 'a' of 't' {words}") as caught:
            await transfer("a", masks=[Mask(column="a", function=function)], binary=binary)
        assert "secret" not in "".join(traceback.format_exception(caught.value))
    assert psql(target, "SELECT count(*) FROM t") == "0"


@pytest.mark.anyio
async def test_a_function_for_binary_values_is_not_given_texts(transfer, both, psql, source, target):
    """Where another column forces the transfer into text, a mask of a text is as it was, one of an int is refused."""
    psql(target, "CREATE TYPE another AS ENUM ('x')")
    both("CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE t (n int, a text, m mood[])")
    psql(source, "INSERT INTO t VALUES (1, 'x', '{ok}')")
    with pytest.raises(Refused, match="can only be copied as text, and the mask of 'n'"):
        await transfer("n, a, m", masks=[Mask(column="n", function=lambda value: value)])
    report = await transfer("n, a, m", masks=[Mask(column="a", function=shout)])
    assert (report.binary, psql(target, "SELECT t FROM t")) == (False, r'(1,"X	\\!",{ok})')
    await transfer("n, a, m", masks=[Mask(column="n", function=lambda value: value + b"0")], binary=False)
    assert psql(target, "SELECT n FROM t ORDER BY n") == "1\n10"
