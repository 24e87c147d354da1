"""ALTER DOMAIN: its constraints are checked in every table that has a column of it."""

from __future__ import annotations

from typing import Any

from confiture.sql.effects.expressions import with_value
from confiture.sql.effects.found import Found
from confiture.sql.effects.hazards import UNKNOWN_EFFECTS
from confiture.sql.effects.known import written
from confiture.sql.effects.locks import SHARE
from confiture.sql.grammar import GrammarError, enum_names, parse, string_values

__all__ = ["alter_domain"]


def alter_domain(found: Found, node: Any) -> None:
    """ADD CONSTRAINT, SET NOT NULL and VALIDATE read the tables under SHARE."""
    parts = string_values(node.type_name)
    key = (parts[-2] if len(parts) > 1 else "", parts[-1])
    constraint = getattr(node, "def")
    condition = None
    if node.subtype == "O":  # SET NOT NULL
        condition = "{} IS NULL"
    elif node.subtype == "C":
        if constraint.constraint.skip_validation:
            return
        condition = _refused(constraint.constraint)
    elif node.subtype == "V":
        condition = _known_refused(found, key, node.name)
    else:
        return
    _check_users(found, key, condition)


def _refused(constraint: Any) -> str | None:
    """The condition of values that are refused, with ``{}`` for the column."""
    if enum_names("ConstrType")[constraint.contype] == "CONSTR_NOTNULL":
        return "{} IS NULL"
    marker = "confiture value"
    text = with_value(constraint.raw_expr, marker).replace("{", "{{").replace("}", "}}")
    return f"NOT ({text.replace(written(marker), '{}')})"


def _known_refused(found: Found, key: tuple[str, str], name: str) -> str | None:
    text = next(
        (
            definition
            for (domain, called), definition in found.known.domain_checks.items()
            if called == name and domain[1] == key[1] and key[0] in ("", domain[0])
        ),
        None,
    )
    if text is None:
        return None
    try:
        tree = parse(f"ALTER DOMAIN d ADD CONSTRAINT c {text}")
    except GrammarError:
        return None
    return _refused(getattr(tree.stmts[0].stmt.alter_domain_stmt, "def").constraint)


def _check_users(found: Found, key: tuple[str, str], condition: str | None) -> None:
    users = [(table, column) for table, column in found.known.users_of_type(*key) if not table.created]
    queries = []
    for table, column in users:
        found.lock(table, SHARE)
        found.scan(table, SHARE, below=False)
        if condition is not None and column.type is not None and not column.type.endswith("[]"):
            name = written(column.name)
            queries.append(
                f'SELECT tableoid::regclass AS "table", ctid, {name}::text AS value FROM ONLY {table.identity}'
                f" WHERE {condition.format(name)}"
            )
    for table, column in users:
        query = " UNION ALL ".join(queries) if queries else None
        found.fail(table, f'values of "{column.name}" of "{table.identity}" may violate the domain', query)
    if not found.known.complete:
        found.hazard(UNKNOWN_EFFECTS, f'tables with columns of the domain "{key[1]}" are read and locked')
