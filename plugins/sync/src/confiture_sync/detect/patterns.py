"""What values of a class look like, as SQL over one text: the source judges, and only counts leave it."""

from __future__ import annotations

from typing import Final

import msgspec

from confiture.quoting import quote_literal

__all__ = ["PATTERNS", "Pattern"]


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """``sql`` is true of a text ``v`` that is of the class.

    ``share``: from which part of a column's rows on the column is. ``within``: it stands within longer text, and is no
    value of its own. ``numbers``: looked for in columns of numbers too.
    """

    what: str
    sql: str
    share: float
    within: bool = False
    numbers: bool = False


def _like(*patterns: str, case: bool = True) -> str:
    """One regular expression of all: the server keeps 32 of them compiled, and compiling is what takes long."""
    return f"(v {'~' if case else '~*'} {quote_literal('|'.join(patterns))})"


def _when(condition: str, then: str) -> str:
    """``then`` only where it can be computed: AND has no order, CASE has."""
    return f"CASE WHEN {condition} THEN {then} ELSE false END"


_EMAIL = "[a-z0-9._%+''-]+@([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+[a-z]{2,24}".replace("''", "'")
_EMAIL_WHOLE = _when("v LIKE '%@%'", _like(f'^[<"]?(mailto:)?{_EMAIL}[>"]?$', case=False))
_EMAIL_WITHIN = _when("v LIKE '%@%'", _like(_EMAIL, case=False))

# A plus and a country, the forms of North America, groups of two (France), and a zero before groups. Never digits
# alone: those are numbers of anything. Dates and ISBNs have groups as well.
_PHONE = _when(
    _like("^[+(0-9][0-9 ()./-]{5,22}[0-9]$")
    + " AND length(regexp_replace(v, '[^0-9]', '', 'g')) BETWEEN 7 AND 15 AND NOT "
    + _like(
        "^[0-9]{4}[./-][0-9]{1,2}[./-]",
        "^[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2,4}($| )",
        "^97[89][ -]",
        "^[0-9]{1,3}([.][0-9]{1,3}){3}$",
    ),
    _like(
        "^[+][1-9][0-9 ()./-]{6,}$",
        "^(1[ .-])?[(]?[2-9][0-9]{2}[)]?[ .-] ?[2-9][0-9]{2}[ .-][0-9]{4}$",
        "^0[1-9]([ .-]?[0-9]{2}){4}$",
        "^00[1-9][0-9 ()./-]{6,}$",
        "^[(]?0[1-9][0-9]{1,4}[)]?[ /-][0-9 -]{4,}$",
    ),
)
_PHONE_WITHIN = _like(
    "(^|[^0-9A-Za-z+])[+][1-9][0-9]{0,2}[ .-]?[(]?[0-9]{1,4}[)]?([ .-]?[0-9]{2,4}){2,4}($|[^0-9])",
    "(^|[^0-9A-Za-z.-])[(]?[2-9][0-9]{2}[)]?[ .-] ?[2-9][0-9]{2}[.-][0-9]{4}($|[^0-9.-])",
)

# The numbers that issuers give, by length and first digits (ISO/IEC 7812), and the check digit of Luhn: it alone is
# right for one in ten of all numbers.
_ISSUED = (
    "^(4[0-9]{12}([0-9]{3}){0,2}|5[1-5][0-9]{14}|2[2-7][0-9]{14}|3[47][0-9]{13}|3(0[0-5]|[689][0-9])[0-9]{11}"
    "|6(011|5[0-9]{2}|4[4-9][0-9])[0-9]{12}|35[0-9]{14})$"
)


def _luhn(digits: str) -> str:
    return (
        "(SELECT sum(CASE WHEN p % 2 = 0 THEN 2 * g / 10 + 2 * g % 10 ELSE g END) % 10 = 0"
        f" FROM (SELECT p, substr(reverse(d), p, 1)::int AS g FROM (SELECT {digits} AS d OFFSET 0) AS n,"
        " generate_series(1, length(d)) AS p OFFSET 0) AS z)"
    )


_DIGITS = "regexp_replace(v, '[^0-9]', '', 'g')"
_CARD = _when(_like("^[2-6][0-9 -]{11,22}[0-9]$") + f" AND {_DIGITS} ~ '{_ISSUED}'", _luhn(_DIGITS))
_IN_TEXT = "(?:^|[^0-9])([3-6][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{3,4})(?:[^0-9]|$)"
_FOUND = f"regexp_replace(substring(v FROM {quote_literal(_IN_TEXT)}), '[^0-9]', '', 'g')"
_CARD_WITHIN = _when(
    f"lower(v) <> upper(v) AND v ~ {quote_literal(_IN_TEXT)}", _when(f"{_FOUND} ~ '{_ISSUED}'", _luhn(_FOUND))
)


def _iban(text: str) -> str:
    """ISO 13616: the first four characters go to the end, A is 10, and 97 leaves 1."""
    moved = "substr(t, 5) || left(t, 4)"
    letters = "CASE WHEN c >= 'A' THEN (ascii(c) - 55)::text ELSE c END"
    return (
        f"(SELECT string_agg({letters}, '' ORDER BY o)::numeric % 97 = 1 FROM (SELECT {text} AS t OFFSET 0) AS n,"
        f" unnest(string_to_array({moved}, NULL)) WITH ORDINALITY AS u(c, o))"
    )


_COMPACT = "upper(replace(v, ' ', ''))"
_IBAN = _when(f"length(v) <= 50 AND {_COMPACT} ~ '^[A-Z]{{2}}[0-9]{{2}}[A-Z0-9]{{11,30}}$'", _iban(_COMPACT))
_IBAN_TEXT = (
    "(?:^|[^A-Z0-9])([A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,4})?))(?:[^A-Z0-9]|$)"
)
_IBAN_FOUND = f"replace(substring(v FROM {quote_literal(_IBAN_TEXT)}), ' ', '')"
_IBAN_WITHIN = _when(f"v ~ {quote_literal(_IBAN_TEXT)}", _iban(_IBAN_FOUND))

_SSN = "(?!000|666|9[0-9]{2})[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}"
# France: 97 less the rest of the first thirteen digits; Corsica's departments have letters.
_NIR = "^[12][0-9]{2}(0[1-9]|1[0-2]|[2-9][0-9])([0-9]{2}|2[ABab])[0-9]{8}$"
_PLAIN = "translate(v, ' .', '')"
_NIR_NUMBER = f"replace(replace(upper({_PLAIN}), '2A', '19'), '2B', '18')"
# Spain: the letter is the rest by 23.
_DNI_NUMBER = "translate(left(upper(v), 1), 'XYZ', '012') || substr(left(v, -1), 2)"
_NATIONAL = " OR ".join(
    [
        # The United States, Britain, Italy, Brazil: their form is enough.
        _like(
            f"^{_SSN}$",
            "^[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]$",
            "^[A-Z]{6}[0-9]{2}[ABCDEHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]$",
            "^[0-9]{3}[.][0-9]{3}[.][0-9]{3}-[0-9]{2}$",
        ),
        _when(
            f"{_PLAIN} ~ '{_NIR}'",
            f"97 - left({_NIR_NUMBER}, 13)::bigint % 97 = right({_NIR_NUMBER}, 2)::int",
        ),
        _when(
            _like("^([XYZ][0-9]{7}|[0-9]{8})[A-Z]$", case=False),
            f"substr('TRWAGMYFPDXBNJZSQVHLCKE', (({_DNI_NUMBER})::int % 23) + 1, 1) = upper(right(v, 1))",
        ),
    ]
)

_OCTET = "(25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})"
_IP = _like(f"^{_OCTET}([.]{_OCTET}){{3}}(/32)?$", "^([0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}$") + (
    " OR " + _when("v ~ '::'", _like("^(?=.*[0-9a-fA-F])([0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}$"))
)
_SECRET = _like(
    "[$]2[abxy]?[$][0-9]{2}[$][./A-Za-z0-9]{53}",
    "[$]argon2(id|i|d)[$]",
    "[$][156y][$][^$]{1,40}[$][./A-Za-z0-9$]{20,}",
    "pbkdf2[_:-]sha(1|256|512)[$:]",
    "(^|[^A-Za-z0-9])scrypt[:$][0-9]+",
    "eyJ[A-Za-z0-9_-]{8,}[.]eyJ[A-Za-z0-9_-]{8,}[.]",
    "-----BEGIN [A-Z ]*PRIVATE KEY",
    "(^|[^A-Za-z0-9])(AKIA|ASIA)[0-9A-Z]{16}($|[^A-Za-z0-9])",
    "(^|[^A-Za-z0-9])(gh[pousr]_[A-Za-z0-9]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}|[sr]k_live_[A-Za-z0-9]{16,})",
    "://[^/@ :]+:[^/@ ]+@",
) + " OR " + _like(
    "[?&#;]((access|auth|refresh|id|reset|session|api|csrf)?_?-?(token|key|secret|sig|signature|jwt)|password|passwd|pwd"
    "|sessionid|auth|code)=[^&# ]{8,}",
    case=False,
)  # fmt: skip
_STREET = _like(
    "^[0-9]{1,5}[a-z]? +[^0-9,]{2,40} (street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|way|place|"
    "square|parkway|pkwy|highway|terrace|crescent|close)[.]?($|[ ,])",
    "(stra(ss|.{1,2})e|str[.]|weg|platz|allee|gasse|damm|ufer|laan|straat)[ ]+[0-9]{1,4} ?[a-z]?($|[ ,])",
    "^[0-9]{1,4}( ?(bis|ter))?,? +(rue|avenue|av[.]|boulevard|bd|chemin|place|all.{1,2}e|impasse|quai|route|cours) ",
    "^(calle|c/|avenida|avda[.]?|plaza|paseo|via|viale|piazza|corso|rua) [^0-9]{2,40}[ ,]+(n[.]? ?)?[0-9]{1,4}",
    "^(p[.]? ?o[.]? box|postfach|boite postale|apartado) *[0-9]+",
    case=False,
)

#: Every class that a text can be told by. The first of two classes wins.
PATTERNS: Final = (
    Pattern(what="secret", sql=_SECRET, share=0.01),
    Pattern(what="email", sql=_EMAIL_WHOLE, share=0.01),
    Pattern(what="email", sql=_EMAIL_WITHIN, share=0.01, within=True),
    Pattern(what="card", sql=_CARD, share=0.5, numbers=True),
    Pattern(what="card", sql=_CARD_WITHIN, share=0.05, within=True),
    Pattern(what="bank", sql=_IBAN, share=0.1),
    Pattern(what="bank", sql=_IBAN_WITHIN, share=0.01, within=True),
    Pattern(what="national-id", sql=_NATIONAL, share=0.3),
    Pattern(what="national-id", sql=_like(f"(^|[^0-9-]){_SSN}($|[^0-9-])"), share=0.02, within=True),
    Pattern(what="mac", sql=_like("^([0-9A-F]{2}[:-]){5}[0-9A-F]{2}$", case=False), share=0.5),
    Pattern(what="ip", sql=_IP, share=0.5),
    Pattern(what="phone", sql=_PHONE, share=0.3),
    Pattern(what="phone", sql=_PHONE_WITHIN, share=0.05, within=True),
    Pattern(what="address", sql=_STREET, share=0.3),
    Pattern(
        what="geo",
        sql=_like("^[(]?-?[0-9]{1,2}[.][0-9]{4,}, ?-?[0-9]{1,3}[.][0-9]{4,}[)]?$", "^POINT ?[(]-?[0-9]", case=False),
        share=0.5,
    ),
)  # fmt: skip
