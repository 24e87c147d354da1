"""Templates in Python: what the kind ``template`` makes in SQL, for programs that foretell masks."""

from __future__ import annotations

from collections.abc import Mapping

from confiture.masking import number_of
from confiture_rules.drawing import Drawn
from confiture_rules.filters import filtered
from confiture_rules.grammar import Call, Filter, Literal, Name, parse_template, plain
from confiture_rules.kinds.card import tail
from confiture_rules.kinds.template import ends_of
from confiture_rules.pieces import covered, digits_like, ends, only_digits, random_digits, uuid_of

__all__ = ["render"]


def render(
    template: str,
    value: str | None,
    drawn: Drawn,
    *,
    columns: Mapping[str, str | None] | None = None,
    raw: Mapping[str, str | None] | None = None,
) -> str:
    """What the template makes of a value.

    ``value`` and the other columns are texts (``confiture.masking.canonical``), None for NULL; ``columns`` after their
    own rules, ``raw`` as they are. A name is a column where ``columns`` has it. Raises ``TemplateError``, and
    ``KeyError`` for ``{faker.x}``, whose pool the plugin for Faker draws.
    """
    own, raw = columns or {}, raw or {}
    texts = []
    for number, part in enumerate(parse_template(template)):
        if isinstance(part, Literal):
            texts.append(part.text)
            continue
        text = _text(part, number, value or "", drawn, own, raw)
        for given in part.filters:
            if _takes_column(given) and isinstance(given.args[0], Name):
                text = own[given.args[0].name] if text is None else text
            else:
                text = filtered(drawn, given, text)
        texts.append(text or "")
    return "".join(texts)


def _takes_column(given: Filter) -> bool:
    return given.name == "default" and isinstance(given.args[0], Name)


def _text(
    call: Call, number: int, value: str, drawn: Drawn, columns: Mapping[str, str | None], raw: Mapping[str, str | None]
) -> str | None:
    if call.prefix == "raw":
        return raw[call.name]
    if call.prefix == "row" or call.quoted or (call.args is None and call.name in columns):
        return columns[call.name]
    if call.prefix:
        raise KeyError(f"{call.prefix}.{call.name}")
    args = plain(call.args or ())
    if (end := ends_of(call.name)) is not None:
        return ends(value, end[1], last=end[0] == "last")
    match call.name:
        case "value":
            return value
        case "random":
            return _random(args, drawn, f"random {number}")
        case "hash":
            length = int(args[0]) if args else 20
            return drawn.bytes((length + 1) // 2).hex()[:length]
        case "uuid":
            return uuid_of(drawn.bytes(16, draw="uuid"))
        case "mask":
            character, first, last = (*args, *("*", 0, 0)[len(args) :])
            return covered(value, str(character), int(first), int(last))
        case "digits_like":
            return digits_like(value, drawn.bytes(draw="digits"))
        case "luhn":
            return tail(only_digits(value), drawn.number(draw="luhn"))
    raise KeyError(call.name)


def _random(args: tuple[int | str, ...], drawn: Drawn, draw: str) -> str:
    if args[1:] == ("hex",):
        length = int(args[0])
        return drawn.bytes((length + 1) // 2, per="row", draw=draw).hex()[:length]
    number = number_of(drawn.bytes(8, per="row", draw=draw))
    if len(args) == 1:
        return random_digits(number, int(args[0]))
    first, last = int(args[0]), int(args[1])
    return str(first + number % (last - first + 1))
