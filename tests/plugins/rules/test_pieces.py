"""SQL and Python make the same of the same: on a server, for whatever hypothesis thinks of."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from confiture_rules import pieces
from confiture_rules.kinds.card import card, card_sql, tail, tail_sql

pytestmark = pytest.mark.anyio

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=70) | st.text(
    "0123456789-aZ '\\"
)
BYTES = st.binary(min_size=32, max_size=32)
NUMBERS = st.integers(0, 2**63 - 1)
DIGITS = st.text("0123456789", max_size=25)
T, H, N = "$1::text", "$2::bytea", "$3::bigint"

TWINS = {
    "digits": (pieces.random_digits_sql(N, 4), lambda t, h, n: pieces.random_digits(n, 4)),
    "eighteen digits": (pieces.random_digits_sql(N, 18), lambda t, h, n: pieces.random_digits(n, 18)),
    "hex": (pieces.hex_sql(H, 21), lambda t, h, n: h.hex()[:21]),
    "uuid": (pieces.uuid_sql(f"substr({H}, 1, 16)"), lambda t, h, n: pieces.uuid_of(h)),
    "alphanumerics": (pieces.alphanumerics_sql(T), lambda t, h, n: pieces.alphanumerics(t)),
    "last": (pieces.ends_sql(T, 4, last=True), lambda t, h, n: pieces.ends(t, 4, last=True)),
    "first": (pieces.ends_sql(T, 3, last=False), lambda t, h, n: pieces.ends(t, 3, last=False)),
    "covered": (pieces.covered_sql(T, "*", 2, 3), lambda t, h, n: pieces.covered(t, "*", 2, 3)),
    "covered whole": (pieces.covered_sql(T, "\\", 0, 0), lambda t, h, n: pieces.covered(t, "\\", 0, 0)),
    "digits like": (pieces.digits_like_sql(T, H), lambda t, h, n: pieces.digits_like(t, h)),
}
OF_DIGITS = {
    "luhn": (pieces.luhn_digit_sql(T), lambda t, h, n: pieces.luhn_digit(t)),
    "tail": (tail_sql(T, N), lambda t, h, n: tail(t, n)),
    "card": (card_sql(T, N, ()), lambda t, h, n: card(t, n, ())),
    "card, bin": (card_sql(T, N, ("bin",)), lambda t, h, n: card(t, n, ("bin",))),
    "card, bin and last four": (
        card_sql(T, N, ("bin", "last4")),
        lambda t, h, n: card(t, n, ("bin", "last4")),
    ),
    "card, last four": (card_sql(T, N, ("last4",)), lambda t, h, n: card(t, n, ("last4",))),
}


@pytest.mark.parametrize("name", [*TWINS, *OF_DIGITS])
async def test_sql_and_python_agree(kernel_run, database, name):
    """A rule that runs in Python meets one that runs in SQL."""
    sql, twin = {**TWINS, **OF_DIGITS}[name]
    samples = [("", bytes(32), 0), ("0" * 19, b"\xff" * 32, 2**63 - 1)]

    @settings(max_examples=80, suppress_health_check=list(HealthCheck))
    @given(DIGITS if name in OF_DIGITS else TEXTS, BYTES, NUMBERS)
    def collect(text, drawn, number):
        samples.append((text, drawn, number))

    collect()
    query = f"SELECT ({sql})::text, $1::text, $2::bytea, $3::bigint"
    async with kernel_run() as run, run.connect(database) as connection:
        for sample in samples:
            assert (await connection.fetchrow(query, *sample))[0] == twin(*sample), sample


def valid(number: str) -> bool:
    """Luhn's test as the standard has it, written another way."""
    digits = [int(character) for character in reversed(number)]
    return sum(digits[::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0


@given(DIGITS, NUMBERS)
def test_cards_are_valid_and_nobodys(digits, number):
    """By the check digit; and none begins as one that is issued, unless it was told to keep that."""
    assert valid("4111111111111111")
    for keep in ((), ("bin",), ("last4",), ("bin", "last4")):
        made = card(digits, number, keep)
        assert len(made) == 16
        assert valid(made)
        assert made.startswith(digits[:6].rjust(6, "0") if "bin" in keep else "000000")
        assert "last4" not in keep or made.endswith(digits[-4:])
    assert valid(tail(digits, number))
