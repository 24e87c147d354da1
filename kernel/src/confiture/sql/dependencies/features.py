"""Extensions and build options of the server that a plan asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from confiture.model import Origin, Plan, Statement
from confiture.sql.grammar import parse, string_values, unwrap, walk

__all__ = ["extensions_named", "features_named"]

#: Words without which a statement cannot ask for a feature: most statements are never parsed again.
_WORDS = ("icu", "-x-", "xml", "xpath", "lz4", "und")
_XML_FUNCTIONS = frozenset(
    {"xml_is_well_formed", "xml_is_well_formed_content", "xml_is_well_formed_document", "xmlagg", "xmlcomment",
     "xmlexists", "xmltext", "xpath", "xpath_exists", "table_to_xml", "query_to_xml", "schema_to_xml",
     "cursor_to_xml", "database_to_xml"}
)  # fmt: skip


def extensions_named(plan: Plan) -> tuple[tuple[str, Origin | None], ...]:
    """The names of CREATE EXTENSION and where each stands, in order."""
    found: dict[str, Origin | None] = {}
    for statement in plan.statements:
        # A differ's statements have no kind.
        said = statement.sql[:40].lower().startswith("create extension") if not statement.kind else False
        if said or statement.kind == "CreateExtensionStmt":
            name = unwrap(parse(statement.sql).stmts[0].stmt).extname
            found.setdefault(name, statement.origin)
    return tuple(found.items())


def features_named(plan: Plan) -> tuple[tuple[str, Origin | None], ...]:
    """Build options that the plan needs and the place that first asks for each: ``icu``, ``xml``, ``lz4``."""
    found: dict[str, Origin | None] = {}
    for statement in plan.statements:
        if statement.kind in ("InsertStmt", "CopyStmt"):  # data, of any size
            continue
        lower = statement.sql.lower()
        if any(word in lower for word in _WORDS):
            for feature in _features(statement):
                found.setdefault(feature, statement.origin)
    return tuple(found.items())


def _features(statement: Statement) -> Iterator[str]:
    node = unwrap(parse(statement.sql).stmts[0].stmt)
    if statement.kind == "VariableSetStmt":
        if node.name.lower() == "default_toast_compression" and node.args and _value(node.args[0]) == "lz4":
            yield "lz4"
        return
    for item in walk(node):
        kind = type(item).__name__
        if kind == "DefElem":
            name = item.defname
            if name in ("provider", "locale_provider") and _value(item.arg).lower() == "icu":
                yield "icu"
        elif kind == "CollateClause":
            # The collations that initdb makes of ICU's locales have -x-icu behind the locale's name.
            collation = string_values(item.collname)[-1]
            if collation.endswith("-x-icu") or collation == "unicode":
                yield "icu"
        elif kind == "ColumnDef":
            if item.compression.lower() == "lz4":
                yield "lz4"
        elif kind == "AlterTableCmd":
            if item.subtype and item.name and _value(getattr(item, "def")).lower() == "lz4":
                yield "lz4"
        elif kind in ("XmlExpr", "XmlSerialize") or kind == "RangeTableFunc":
            yield "xml"
        elif kind == "FuncCall":
            if string_values(item.funcname)[-1] in _XML_FUNCTIONS:
                yield "xml"
        elif kind == "TypeCast" and item.type_name.names and item.type_name.names[-1].string.sval == "xml":
            yield "xml"


def _value(node: Any) -> str:
    field = node.WhichOneof("node")
    if field == "string":
        return str(node.string.sval)
    if field == "type_name":
        return str(node.type_name.names[-1].string.sval)
    if field == "a_const":
        return str(node.a_const.sval.sval)
    return ""
