"""What it takes to add or to validate a constraint: locks, scans, and the rows that stand against it."""

from __future__ import annotations

from typing import Any

from confiture.sql.effects.expressions import column_names, constant, sql_of
from confiture.sql.effects.found import Found
from confiture.sql.effects.known import Known, Relation, read_index, written
from confiture.sql.effects.locks import ACCESS_EXCLUSIVE, ROW_SHARE, SHARE_ROW, SHARE_UPDATE
from confiture.sql.grammar import GrammarError, enum_names, parse, string_values, unwrap

__all__ = [
    "add_constraint",
    "constraint_named",
    "duplicates",
    "failing_rows",
    "kind_of_constraint",
    "proves_bound",
    "proves_not_null",
    "validate",
    "without_nulls",
]


def kind_of_constraint(node: Any) -> str:
    """``CHECK``, ``NOTNULL``, ``FOREIGN``, ..."""
    return enum_names("ConstrType")[node.contype].removeprefix("CONSTR_")


def constraint_named(relation: Relation, name: str) -> Any:
    """The node of a constraint that the table has, from the text that the server prints; None where not known."""
    known = relation.constraints.get(name)
    if known is None or known.node is not None or not known.definition:
        return known.node if known is not None else None
    try:
        tree = parse(f"ALTER TABLE t ADD CONSTRAINT c {known.definition}")
    except GrammarError:
        return None
    return getattr(tree.stmts[0].stmt.alter_table_stmt.cmds[0].alter_table_cmd, "def").constraint


def add_constraint(found: Found, table: Relation, node: Any, *, inherits: bool = True) -> None:
    """ALTER TABLE ... ADD CONSTRAINT on a table that is there."""
    kind = kind_of_constraint(node)
    mode = SHARE_ROW if kind == "FOREIGN" else ACCESS_EXCLUSIVE
    found.lock(table, mode, below=inherits)
    if kind == "FOREIGN":
        found.lock(found.known.named(node.pktable), SHARE_ROW, below=True)
    if node.indexname:
        _use_index(found, table, node, kind)
        return
    if node.skip_validation or _not_enforced(node):
        return
    if kind == "NOTNULL" and without_nulls(table, string_values(node.keys)[0]):
        return
    if kind in ("CHECK", "NOTNULL", "FOREIGN", "UNIQUE", "PRIMARY", "EXCLUSION"):
        found.scan(table, mode, below=inherits)
        _may_fail(found, table, node, kind)


def _not_enforced(node: Any) -> bool:
    # The grammar says is_enforced of CHECK and foreign keys only.
    return kind_of_constraint(node) in ("CHECK", "FOREIGN") and not node.is_enforced


def _use_index(found: Found, table: Relation, node: Any, kind: str) -> None:
    """The index is there and checked; a primary key still wants its columns without nulls."""
    if kind != "PRIMARY":
        return
    index = found.known.find(table.schema, node.indexname)
    columns = read_index(index).keys if index is not None else ()
    if not columns or any(not without_nulls(table, column) for column in columns):
        found.scan(table, ACCESS_EXCLUSIVE)
        found.fail(table, f'a column of the primary key of "{table.identity}" may hold nulls', _nulls(table, columns))


def validate(found: Found, table: Relation, name: str, *, inherits: bool = True) -> None:
    """ALTER TABLE ... VALIDATE CONSTRAINT."""
    found.lock(table, SHARE_UPDATE, below=inherits)
    known = table.constraints.get(name)
    if known is not None and known.references:
        found.lock(found.known.at(known.references), ROW_SHARE)
    if known is not None and known.valid:
        return
    found.scan(table, SHARE_UPDATE, below=inherits)
    node = constraint_named(table, name)
    if node is None:
        found.fail(table, f'rows of "{table.identity}" may violate "{name}"')
    else:
        _may_fail(found, table, node, kind_of_constraint(node), name)


def _may_fail(found: Found, table: Relation, node: Any, kind: str, name: str = "") -> None:
    called = f'"{name or node.conname}"' if name or node.conname else f"the new {_WORDS.get(kind, kind.lower())}"
    found.fail(table, f'rows of "{table.identity}" may violate {called}', failing_rows(found.known, table, node, kind))


_WORDS = {
    "NOTNULL": "not null",
    "PRIMARY": "primary key",
    "FOREIGN": "foreign key",
    "EXCLUSION": "exclusion constraint",
}


def failing_rows(known: Known, table: Relation, node: Any, kind: str) -> str | None:
    """The query that finds what a constraint refuses; None where there is none to write."""
    keys = string_values(node.keys)
    if kind == "NOTNULL":
        return _nulls(table, keys)
    if kind == "CHECK":
        return f"SELECT * FROM {table.identity} WHERE NOT ({sql_of(node.raw_expr)})"
    if kind in ("UNIQUE", "PRIMARY"):
        if node.without_overlaps or not keys:
            return None
        return duplicates(table, [written(key) for key in keys], nulls=node.nulls_not_distinct or kind == "PRIMARY",
                          primary=kind == "PRIMARY")  # fmt: skip
    if kind == "FOREIGN":
        return _orphans(known, table, node)
    return _excluded(table, node) if kind == "EXCLUSION" else None


def _nulls(table: Relation, columns: tuple[str, ...]) -> str | None:
    if not columns:
        return None
    return f"SELECT * FROM {table.identity} WHERE " + " OR ".join(f"{written(each)} IS NULL" for each in columns)


def duplicates(table: Relation, keys: list[str], *, nulls: bool, primary: bool = False, where: str = "") -> str:
    """Values that are there more than once; of a primary key, nulls too."""
    listed = ", ".join(keys)
    conditions = [] if nulls else [f"{key} IS NOT NULL" for key in keys]
    conditions += [f"({where})"] if where else []
    filtered = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    or_null = "".join(f" OR {key} IS NULL" for key in keys) if primary else ""
    return f"SELECT {listed}, count(*) FROM {table.identity}{filtered} GROUP BY {listed} HAVING count(*) > 1{or_null}"


def _orphans(known: Known, table: Relation, node: Any) -> str | None:
    other = known.named(node.pktable)
    columns = string_values(node.fk_attrs)
    wanted = string_values(node.pk_attrs)
    if not wanted:
        primary = next((one for one in other.constraints.values() if one.type == "primary key"), None)
        wanted = primary.columns if primary is not None else ()
    if len(wanted) != len(columns) or node.fk_with_period:
        return None
    pairs = [(written(own), written(far)) for own, far in zip(columns, wanted, strict=True)]
    full = node.fk_matchtype == "f"
    given = (" OR " if full else " AND ").join(f"f.{own} IS NOT NULL" for own, _ in pairs)
    same = " AND ".join(f"k.{far} = f.{own}" for own, far in pairs)
    return (
        f"SELECT f.* FROM {table.identity} f WHERE ({given})"
        f" AND NOT EXISTS (SELECT FROM {other.identity} k WHERE {same})"
    )


def _excluded(table: Relation, node: Any) -> str | None:
    conditions = []
    for item in node.exclusions:
        element, operator = (unwrap(one) for one in item.list.items)
        if not element.name:
            return None
        parts = string_values(operator.items)
        sign = parts[0] if len(parts) == 1 else f"OPERATOR({'.'.join((*map(written, parts[:-1]), parts[-1]))})"
        conditions.append(f"a.{written(element.name)} {sign} b.{written(element.name)}")
    if node.HasField("where_clause"):
        return None
    return (
        f"SELECT a.* FROM {table.identity} a WHERE EXISTS (SELECT FROM {table.identity} b"
        f" WHERE (a.tableoid, a.ctid) <> (b.tableoid, b.ctid) AND {' AND '.join(conditions)})"
    )


def without_nulls(table: Relation, column: str) -> bool:
    """Whether the column is NOT NULL, or a CHECK that has been validated says so: SET NOT NULL need not look."""
    known = table.columns.get(column)
    return (known is not None and known.not_null) or proves_not_null(table, column)


def proves_not_null(table: Relation, column: str) -> bool:
    """Whether a validated CHECK among the table's constraints has ``column IS NOT NULL`` as one of its conditions."""
    for one in table.constraints.values():
        if one.valid and one.type in ("check", "not null") and column in one.columns:
            node = constraint_named(table, one.name)
            if node is None:
                continue
            if one.type == "not null":
                return True
            if any(_says_not_null(each, column) for each in conditions(node.raw_expr)):
                return True
    return False


def conditions(expression: Any) -> list[Any]:
    """The conditions that an expression joins with AND."""
    node = unwrap(expression)
    if type(node).__name__ == "BoolExpr" and enum_names("BoolExprType")[node.boolop] == "AND_EXPR":
        return [each for item in node.args for each in conditions(item)]
    return [node]


def _says_not_null(node: Any, column: str) -> bool:
    if type(node).__name__ != "NullTest" or enum_names("NullTestType")[node.nulltesttype] != "IS_NOT_NULL":
        return False
    return _is_column(node.arg, column)


def _is_column(expression: Any, column: str) -> bool:
    node = unwrap(expression)
    return type(node).__name__ == "ColumnRef" and node.fields[-1].string.sval == column


def proves_bound(table: Relation, column: str, bound: Any) -> bool:
    """Whether a validated CHECK says what the partition's bounds say: ATTACH need not look then.

    For one column, by range or list, as people and tools write it; PostgreSQL itself proves more.
    """
    strategy = bound.strategy
    said: set[tuple[str, str | None]] = set()
    lists: list[set[str | None]] = []
    for one in table.constraints.values():
        node = constraint_named(table, one.name) if one.valid and one.type == "check" else None
        if node is None or column not in column_names(node.raw_expr):
            continue
        for each in conditions(node.raw_expr):
            if type(each).__name__ != "A_Expr" or not _is_column(each.lexpr, column):
                continue
            values = _listed(each.rexpr)
            if values is not None and (string_values(each.name) == ("=",)):
                lists.append(values)
            else:
                said.add((string_values(each.name)[0], constant(each.rexpr)))
    if not without_nulls(table, column) or bound.is_default:
        return False
    if strategy == "r" and len(bound.lowerdatums) == 1:
        return _range_said(bound, said)
    if strategy == "l":
        wanted = {constant(item) for item in bound.listdatums}
        lists += [{value} for sign, value in said if sign == "="]
        return None not in wanted and any(None not in values and values <= wanted for values in lists)
    return False


def _range_said(bound: Any, said: set[tuple[str, str | None]]) -> bool:
    """Whether the conditions keep values within the bounds: the lower one is part of the partition, the upper not."""
    for item, signs in ((bound.lowerdatums[0], (">=", ">")), (bound.upperdatums[0], ("<",))):
        value = constant(item)
        if value is None:
            if type(unwrap(item)).__name__ != "ColumnRef":  # MINVALUE and MAXVALUE look like columns
                return False
            continue
        known = [each for sign, each in said if sign in signs and each is not None]
        lower = signs[0] == ">="
        if not any(_at_most(value, each) if lower else _at_most(each, value) for each in known):
            return False
    return True


def _at_most(one: str, other: str) -> bool:
    """Whether the one constant is no larger, as far as can be told without its type: integers, and dates alike."""
    if one == other:
        return True
    if one.removeprefix("-").isdigit() and other.removeprefix("-").isdigit():
        return int(one) < int(other)
    shapes = {"".join("0" if char.isdigit() else char for char in text) for text in (one, other)}
    return len(shapes) == 1 and shapes.pop().startswith("0000-00-00") and one < other


def _listed(expression: Any) -> set[str | None] | None:
    """The constants of ``ARRAY[...]`` or of ``(a, b)``; None where it is neither."""
    node = unwrap(expression)
    while type(node).__name__ == "TypeCast":
        node = unwrap(node.arg)
    if type(node).__name__ == "A_ArrayExpr":
        return {constant(item) for item in node.elements}
    return {constant(item) for item in node.items} if type(node).__name__ == "List" else None
