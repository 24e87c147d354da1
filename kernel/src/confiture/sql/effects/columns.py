"""What becomes of the rows when a column is added, dropped, or changes its type."""

from __future__ import annotations

from typing import Any

from confiture.sql.effects import hazards as kinds
from confiture.sql.effects.constraints import kind_of_constraint, without_nulls
from confiture.sql.effects.expressions import cast_chain, is_volatile
from confiture.sql.effects.found import Found
from confiture.sql.effects.known import Relation, referring, written
from confiture.sql.effects.locks import ACCESS_EXCLUSIVE, SHARE_ROW
from confiture.sql.effects.types import Change, TypeRef, below_domains, change_of, read_type, type_of, type_text

__all__ = ["add_column", "change_expression", "change_type", "drop_column", "set_not_null"]

_SERIALS = frozenset({"serial", "serial2", "serial4", "serial8", "smallserial", "bigserial"})


def add_column(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    """A constant default is kept in the catalog; any other is worked out for each row (sql-altertable, notes)."""
    found.lock(table, ACCESS_EXCLUSIVE, below=recurses)
    column = getattr(command, "def").column_def
    if command.missing_ok and column.colname in table.columns:
        return
    type_ = read_type(column.type_name)
    wanted = {kind_of_constraint(item.constraint): item.constraint for item in column.constraints}
    _, checked = below_domains(type_, found.known)
    default = wanted.get("DEFAULT")
    generated = wanted.get("GENERATED")
    computed = default is not None and is_volatile(default.raw_expr, found.known)
    virtual = generated is not None and generated.generated_kind == "v"
    if computed or checked or type_.name in _SERIALS or "IDENTITY" in wanted or (generated is not None and not virtual):
        found.rewrite(table, below=recurses)
    has_value = bool({"DEFAULT", "GENERATED", "IDENTITY"} & wanted.keys()) or type_.name in _SERIALS
    if checked and not has_value:
        found.fail(table, f'null may be no value of the domain of "{column.colname}"')
    _column_constraints(found, table, column.colname, wanted, has_value, recurses)


def _column_constraints(
    found: Found, table: Relation, name: str, wanted: dict[str, Any], has_value: bool, recurses: bool
) -> None:
    if "NOTNULL" in wanted or "PRIMARY" in wanted:
        if not has_value:
            found.scan(table, ACCESS_EXCLUSIVE, below=recurses)
            found.fail(
                table,
                f'the new column "{name}" is NOT NULL and has no default: fails on any row',
                f"SELECT * FROM {table.identity}",
            )
        elif "GENERATED" in wanted:
            found.scan(table, ACCESS_EXCLUSIVE, below=recurses)
            found.fail(table, f'the expression of "{name}" may be null')
    for kind in ("CHECK", "UNIQUE", "PRIMARY"):
        if kind in wanted and (kind != "CHECK" or wanted[kind].is_enforced):
            found.scan(table, ACCESS_EXCLUSIVE, below=recurses)
            if has_value:
                found.fail(table, f'the values of the new column "{name}" may violate its constraint')
    if "FOREIGN" in wanted:
        key = wanted["FOREIGN"]
        found.lock(found.known.named(key.pktable), SHARE_ROW, below=True)
        if has_value and key.is_enforced:
            found.scan(table, ACCESS_EXCLUSIVE, below=recurses)
            found.fail(table, f'the values of the new column "{name}" may refer to no row')


def drop_column(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    """Its values go, unless they are computed from others; so do its indexes and keys."""
    found.lock(table, ACCESS_EXCLUSIVE, below=recurses)
    name = command.name
    if command.missing_ok and table.kind and name not in table.columns:
        return
    column = table.columns.get(name)
    if column is None or not (column.generated or column.created):
        found.lose(table, f'the column "{name}" of "{table.identity}" goes, with its values')
    if column is None or not column.created:
        found.breaks(table, f'the column "{name}" of "{table.identity}" goes')
    for one in table.constraints.values():
        if name in one.columns and one.held:
            found.lock(found.known.at(one.held), ACCESS_EXCLUSIVE, below=True)
    if not table.created:
        for index in found.known.indexes(table):
            if name in index.keys:
                found.hazard(kinds.INDEX_DROPPED, f'the index "{index.identity}" goes with the column')


def set_not_null(found: Found, table: Relation, name: str, recurses: bool) -> None:
    """No scan where the column is NOT NULL or a validated CHECK proves it (sql-altertable, SET NOT NULL)."""
    found.lock(table, ACCESS_EXCLUSIVE, below=recurses)
    if without_nulls(table, name):
        return
    found.scan(table, ACCESS_EXCLUSIVE, below=recurses)
    found.fail(
        table,
        f'"{name}" of "{table.identity}" may hold nulls',
        f"SELECT * FROM {table.identity} WHERE {written(name)} IS NULL",
    )


def change_expression(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    """SET EXPRESSION of a generated column: a stored one is written anew, a virtual one has nothing to write."""
    found.lock(table, ACCESS_EXCLUSIVE, below=recurses)
    column = table.columns.get(command.name)
    if column is None or column.generated != "virtual":
        found.rewrite(table, below=recurses)
    elif column.not_null or _checks_on(table, command.name):
        found.scan(table, ACCESS_EXCLUSIVE, below=recurses)
    if column is None or column.not_null or _checks_on(table, command.name):
        found.fail(table, f'the new values of "{command.name}" may violate its constraints')


def change_type(found: Found, table: Relation, command: Any, recurses: bool) -> None:
    """ALTER COLUMN ... TYPE: see ``types`` for the values. Indexes and checks on the column are made again."""
    found.lock(table, ACCESS_EXCLUSIVE, below=recurses)
    name = command.name
    definition = getattr(command, "def").column_def
    new, text = read_type(definition.type_name), type_text(definition.type_name)
    known = table.columns.get(name)
    old = type_of(known.type) if known is not None and known.type else None
    generated = known.generated if known is not None else ""
    change = _change(found, old, new, text, name, definition)
    _keys(found, table, name)
    if generated == "virtual":
        change = Change()
    if change.rewrites and table.kind != "view":
        found.rewrite(table, below=recurses)
    elif definition.HasField("coll_clause") or _checks_on(table, name) or _rebuilt(found, table, name, old, new):
        found.scan(table, ACCESS_EXCLUSIVE, below=recurses)
    if generated:
        return
    if change.fails:
        query = None
        if change.failing is not None and (found.version >= 16 or "pg_input_is_valid" not in change.failing):
            query = f"SELECT * FROM {table.identity} WHERE {change.failing.format(written(name))}"
        found.fail(table, f'values of "{name}" of "{table.identity}" may be no {text}', query)
    if change.loses:
        found.lose(table, f'values of "{name}" of "{table.identity}" may lose a part as {text}')


def _change(found: Found, old: TypeRef | None, new: TypeRef, text: str, name: str, definition: Any) -> Change:
    known = found.known
    if not definition.HasField("raw_default"):
        return change_of(old, new, known, text=text)
    chain = cast_chain(definition.raw_default, name)
    if chain is None:  # what an expression makes of the values is its own business
        return Change(rewrites=True, fails=True, loses=True)
    types = [read_type(node) for node in chain]
    if not types:
        return change_of(old, new, known, text=text)
    steps = [*types, new] if types[-1] != new else types
    if len(steps) == 1:
        return change_of(old, new, known, text=text, explicit=True)
    direct = change_of(old, new, known, text=text, explicit=True)
    if all(each.name in ("text", "varchar") and not each.mods for each in steps[:-1]):
        # By way of text, as enums are changed: always a rewrite, and a value is refused as text would be.
        if direct.failing is None or "NOT IN" not in direct.failing:
            by_text = change_of(TypeRef("", "text"), new, known, text=text, explicit=True)
            if new.name not in {key[1] for key in known.enums} or direct.fails:
                return Change(True, by_text.fails, by_text.loses, by_text.failing)
        return direct._replace(rewrites=True)
    return Change(rewrites=True, fails=True, loses=True)


def _keys(found: Found, table: Relation, name: str) -> None:
    """Foreign keys from and to the column are dropped and made again."""
    for one in table.constraints.values():
        if name in one.columns and one.held:
            found.lock(found.known.at(one.held), ACCESS_EXCLUSIVE, below=True)
    if any(name in one.columns and one.type in ("primary key", "unique") for one in table.constraints.values()):
        for other in referring(found.known, table):
            found.lock(other, ACCESS_EXCLUSIVE)


def _checks_on(table: Relation, name: str) -> bool:
    return any(one.type == "check" and one.valid and name in one.columns for one in table.constraints.values())


def _rebuilt(found: Found, table: Relation, name: str, old: TypeRef | None, new: TypeRef) -> bool:
    """Whether an index has to be built again: its operators are others now, or it has expressions or a condition."""
    base, _ = below_domains(new, found.known)
    same = old is not None and {below_domains(old, found.known)[0].name, base.name} in _SAME_OPERATORS
    other = old is not None and below_domains(old, found.known)[0].name != base.name and not same
    return any(
        (not index.plain and name in index.mentioned) or (other and name in index.keys)
        for index in found.known.indexes(table)
    )


#: Types that share an operator class: an index stays as it is.
_SAME_OPERATORS = ({"varchar", "text"}, {"cidr", "inet"}, {"bit", "varbit"})
