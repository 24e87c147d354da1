"""Text search configurations, dictionaries, parsers and templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from confiture.model import SchemaObject, Statement
from confiture.quoting import quote_ident, quote_literal
from confiture.sql.grammar import parse, unwrap
from confiture_catalog.differ.handler import Alteration, Handler, Way, sql
from confiture_catalog.differ.world import World

__all__ = ["ConfigurationHandler", "DictionaryHandler", "ParserHandler"]


class ConfigurationHandler(Handler):
    """CREATE, ALTER and DROP TEXT SEARCH CONFIGURATION."""

    kinds = ("text search configuration",)
    rank = 29

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE TEXT SEARCH CONFIGURATION, and a mapping for each kind of token."""
        yield sql(f"CREATE TEXT SEARCH CONFIGURATION {new.identity} (PARSER = {new.properties['parser']})")
        for token, dictionaries in _mappings(new).items():
            yield sql(f"{_alter(new)} ADD MAPPING FOR {token} WITH {dictionaries}", undo="")

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP TEXT SEARCH CONFIGURATION."""
        return (sql(f"DROP TEXT SEARCH CONFIGURATION {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """Its mappings; the parser is for good."""
        if old.properties["parser"] != new.properties["parser"]:
            return Way.REPLACE
        before, after, alter = _mappings(old), _mappings(new), _alter(new)
        statements = []
        for token in sorted({*before, *after}):
            was, becomes = before.get(token), after.get(token)
            if was == becomes:
                continue
            drop, add = f"{alter} DROP MAPPING FOR {token}", f"{alter} ADD MAPPING FOR {token} WITH"
            change = f"{alter} ALTER MAPPING FOR {token} WITH"
            if was is None:
                statements.append(sql(f"{add} {becomes}", undo=drop))
            elif becomes is None:
                statements.append(sql(drop, undo=f"{add} {was}"))
            else:
                statements.append(sql(f"{change} {becomes}", undo=f"{change} {was}"))
        return statements


def _alter(found: SchemaObject) -> str:
    return f"ALTER TEXT SEARCH CONFIGURATION {found.identity}"


def _mappings(found: SchemaObject) -> Mapping[str, str]:
    entries = found.properties.get("mappings") or ()
    assert isinstance(entries, tuple)
    split = (str(each).partition(" WITH ") for each in entries)
    return {token: dictionaries for token, _, dictionaries in split}


class DictionaryHandler(Handler):
    """CREATE, ALTER and DROP TEXT SEARCH DICTIONARY."""

    kinds = ("text search dictionary",)
    rank = 28

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE TEXT SEARCH DICTIONARY."""
        options = "".join(f", {_name(name)} = {_value(value)}" for name, value in _options(new).items())
        return (
            sql(f"CREATE TEXT SEARCH DICTIONARY {new.identity} (TEMPLATE = {new.properties['template']}{options})"),
        )

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP TEXT SEARCH DICTIONARY."""
        return (sql(f"DROP TEXT SEARCH DICTIONARY {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """Its options; the template is for good."""
        if old.properties["template"] != new.properties["template"]:
            return Way.REPLACE
        before, after = _options(old), _options(new)
        said = [f"{_name(name)} = {_value(value)}" for name, value in after.items() if before.get(name) != value]
        said += [_name(name) for name in before if name not in after]
        return (sql(f"ALTER TEXT SEARCH DICTIONARY {new.identity} ({', '.join(said)})"),) if said else ()


def _options(found: SchemaObject) -> Mapping[str, str]:
    """By name. PostgreSQL keeps them as the text of a list, and reads it as it reads statements."""
    text = found.properties.get("options")
    if not text:
        return {}
    tree = unwrap(parse(f"CREATE TEXT SEARCH DICTIONARY confiture ({text})").stmts[0].stmt)
    found_options = {}
    for each in tree.definition:
        element = unwrap(each)
        value = unwrap(element.arg)
        found_options[element.defname] = next(
            str(getattr(value, field)) for field in ("sval", "fval", "ival") if hasattr(value, field)
        )
    return found_options


def _name(name: str) -> str:
    return name if name.isidentifier() and name.islower() else quote_ident(name)


def _value(value: str) -> str:
    return quote_literal(value).strip()


class ParserHandler(Handler):
    """CREATE and DROP TEXT SEARCH PARSER, and TEMPLATE: nothing but their functions."""

    kinds = ("text search parser", "text search template")
    rank = 27

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE TEXT SEARCH PARSER."""
        said = ", ".join(
            f"{word} = {new.properties[name]}" for name, word in _FUNCTIONS.items() if new.properties.get(name)
        )
        return (sql(f"CREATE {new.kind.upper()} {new.identity} ({said})"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP TEXT SEARCH PARSER."""
        return (sql(f"DROP {old.kind.upper()} {old.identity}"),)


_FUNCTIONS = {
    "start": "START",
    "gettoken": "GETTOKEN",
    "end": "END",
    "lextypes": "LEXTYPES",
    "headline": "HEADLINE",
    "init": "INIT",
    "lexize": "LEXIZE",
}
