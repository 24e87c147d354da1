"""Which rule holds for which column: the file's, the command's, and what foreign keys hand on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from confiture.errors import ConfigError, UsageError
from confiture.hooks import ANONYMIZER
from confiture.masking import MaskColumn, MaskTable, Rule, inherit, read_rule
from confiture.masking.rules import split_name
from confiture.registry import closest
from confiture_sync.detect.defaults import default_rule
from confiture_sync.detect.judging import find_personal
from confiture_sync.selecting import find_columns, find_tables
from confiture_sync.spelling import quoted, written
from confiture_sync.values import Catalog, Job, Selected, SyncTable

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["MATCH", "file_rules", "resolve_rules", "same_domain"]

#: A table's key of the file that begins so is a pattern, and so are the columns' below it.
MATCH = "match:"

_Rules = dict[str, dict[str, Rule]]


async def resolve_rules(
    ctx: Context, job: Job, catalog: Catalog, selected: Selected
) -> Mapping[str, Mapping[str, Rule]]:
    """The rules by the tables' labels and the columns' names, for the tables that are copied.

    Raises ``ConfigError`` with file and line for a rule whose column is not there, ``UsageError`` for a column of
    ``--anonymize`` that has no rule and looks like nothing that there is a default for.
    """
    request = job.request
    if not request.mask:
        return {}
    found = file_rules(catalog, job.file.rules, file=job.file.shown)
    kept = _keep(catalog, request.keep, found)
    await _anonymize(ctx, job, catalog, found, kept)
    chosen = {table.label for table in selected.tables}
    rules = inherit([table.mask for table in catalog.tables.values()], found)
    rules = {label: columns for label, columns in rules.items() if label in chosen}
    _check_ends(catalog, selected, rules)
    return rules


def _check_ends(catalog: Catalog, selected: Selected, rules: Mapping[str, Mapping[str, Rule]]) -> None:
    """A value that is masked where a foreign key begins, and not where it leads to, would find no parent.

    Two rules that mask may well be one, such as a hash of one domain: they are not compared.
    """
    cut = {(key.table, column) for key in selected.cut for column in key.columns}
    copied = {table.label for table in selected.tables}
    for table in selected.tables:
        for column in table.mask.columns:
            if column.references is None or (table.label, column.name) in cut:
                continue
            *above, name = column.references
            parent = ".".join(above)
            if parent not in copied or parent not in catalog.tables:
                continue
            own, other = rules.get(table.label, {}).get(column.name), rules.get(parent, {}).get(name)
            if _masks(own) != _masks(other):
                rule = own or other
                assert rule is not None
                raise rule.error(
                    f"{column.label!r} references '{parent}.{name}', and only one of them is masked",
                    hint="leave the child's rule out: it takes over the one of the column that it references",
                )


def _masks(rule: Rule | None) -> bool:
    return rule is not None and rule.kind != "keep"


def file_rules(catalog: Catalog, rules: Mapping[str, Mapping[str, Rule]], *, file: str | None = None) -> _Rules:
    """The rules of a file by label and column. A rule of a column's own name wins over one of a pattern.

    Raises ``ConfigError`` with file and line for what is not there, and for two rules of one column.
    """
    found: _Rules = {}
    patterned: _Rules = {}
    for table, columns in rules.items():
        if not columns and not table.startswith(MATCH):
            _tables(catalog, table, Rule(kind="", file=file, path=f"anonymize.{table}"))
        for column, rule in columns.items():
            if table.startswith(MATCH):
                places, into = _matching(catalog, table.removeprefix(MATCH), column, rule), patterned
            else:
                places, into = _named(catalog, table, column, rule), found
            for label, name in places:
                other = into.setdefault(label, {}).setdefault(name, rule)
                if other is not rule:
                    raise rule.error(
                        f"'{label}.{name}' has another rule, {other.path!r}, on line {other.line or '?'}",
                        hint="leave one of them out"
                        if into is found
                        else "of two patterns none wins: give the column a rule by its name",
                    )
    for label, columns_ in patterned.items():
        for name, rule in columns_.items():
            found.setdefault(label, {}).setdefault(name, rule)
    return found


def _named(catalog: Catalog, table: str, column: str, rule: Rule) -> Sequence[tuple[str, str]]:
    """The one column that a rule's keys name."""
    if "*" in _unquoted(table) or "*" in _unquoted(column):
        raise rule.error(
            "'*' stands for nothing in a name",
            hint=f'patterns stand under a table that begins with {MATCH}, such as "{MATCH}{table}"',
        )
    places = _tables(catalog, table, rule)
    parts = _split(column, rule)
    if len(parts) != 1:
        raise rule.error(f"{column!r} is not the name of a column", hint="quote a name that has a dot: '\"a.b\"'")
    for place in places:
        if place.mask.column(parts[0]) is None:
            raise _no_column(place.mask, parts[0], rule)
    return [(place.label, parts[0]) for place in places]


def _tables(catalog: Catalog, table: str, rule: Rule) -> Sequence[SyncTable]:
    if len(_split(table, rule)) > 2:
        raise rule.error(f"{table!r} has too many parts", hint="write table or schema.table")
    try:
        return find_tables(catalog, table, option="the file of rules")
    except UsageError as error:
        message = error.message.removeprefix("the file of rules: ")
        raise rule.error(message, hint=_as_written(table, catalog) or error.hint) from None


def _as_written(table: str, catalog: Catalog) -> str | None:
    """For a name that only lacks its quotes."""
    bare = table.replace('"', "")
    for known in catalog.tables.values():
        if bare in (known.mask.name, known.label):
            return f"write it as {_key(written(known.mask, catalog.search_path))}"
    return None


def _no_column(table: MaskTable, name: str, rule: Rule) -> ConfigError:
    names = [column.name for column in table.columns]
    # What only lacks its quotes is nearer than what is spelt alike.
    near = next((each for each in names if each.lower() == name.lower()), None) or closest(name, names)
    hint = f"did you mean {_key(quoted(near))}? " if near else ""
    return rule.error(
        f"{table.label!r} has no column {name!r}", hint=f"{hint}the columns are: {', '.join(map(quoted, names))}"
    )


def _matching(catalog: Catalog, table: str, column: str, rule: Rule) -> Sequence[tuple[str, str]]:
    """The columns that two patterns mean; generated ones are not copied, and follow from others."""
    above = _split(table, rule)
    if len(above) > 2:
        raise rule.error(f"{table!r} has too many parts", hint=f"write {MATCH}table or {MATCH}schema.table")
    schemas = [above[0]] if len(above) == 2 else list(catalog.search_path)
    tables = [
        each.mask
        for each in catalog.tables.values()
        if any(_fits(each.mask.schema, schema) for schema in schemas) and _fits(each.mask.name, above[-1])
    ]
    if not tables:
        raise rule.error(
            f"no table is like {table!r}", hint=f"the source has: {', '.join(sorted(catalog.tables)) or 'no tables'}"
        )
    parts = _split(column, rule)
    if len(parts) != 1:
        raise rule.error(f"{column!r} is no pattern of columns", hint='write it so: "*email*"')
    found = [
        (each.label, known.name)
        for each in tables
        for known in each.columns
        if not known.generated and _fits(known.name, parts[0])
    ]
    if not found:
        raise rule.error(
            f"none of {len(tables)} tables has a column like {column!r}" if len(tables) > 1
            else f"{tables[0].label!r} has no column like {column!r}",
            hint="a rule that holds for nothing is a mistake: take it out, or mend the pattern",
        )  # fmt: skip
    return found


def _fits(name: str, pattern: str) -> bool:
    """``*`` is any text; nothing else is special."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def _split(name: str, rule: Rule) -> tuple[str, ...]:
    try:
        return split_name(name)
    except ConfigError as error:
        raise rule.error(error.message, hint=error.hint) from None


def _unquoted(name: str) -> str:
    return re.sub(r'"(?:[^"]|"")*"', "", name)


def _key(name: str) -> str:
    """The same for YAML, which has quotes of its own."""
    return f"'{name}'" if '"' in name else repr(name)


class _Place(NamedTuple):
    table: MaskTable
    column: MaskColumn


def _keep(catalog: Catalog, keep: Mapping[str, str], found: _Rules) -> set[tuple[str, str]]:
    """The columns of ``--keep``: the command wins over the file."""
    kept = set()
    for written_, reason in keep.items():
        if not reason.strip():
            raise UsageError(
                f"--keep: {written_!r} has no reason",
                hint=f"write why it may leave as it is: --keep '{written_}=the reason'",
            )
        rule = Rule(kind="keep", reason=reason, path=f"--keep {written_}")
        for table, name in find_columns(catalog, written_, option="--keep"):
            found.setdefault(table.label, {})[name] = rule
            kept.add((table.label, name))
    return kept


async def _anonymize(ctx: Context, job: Job, catalog: Catalog, found: _Rules, kept: set[tuple[str, str]]) -> None:
    """Give the columns of ``--anonymize`` a rule, if they have none, where their foreign keys lead to."""
    places: dict[tuple[str, str], _Place] = {}
    ruled = inherit([table.mask for table in catalog.tables.values()], found)
    for written_ in job.request.anonymize:
        for table, name in find_columns(catalog, written_, option="--anonymize"):
            column = table.mask.column(name)
            assert column is not None
            rule = ruled.get(table.label, {}).get(name)
            if rule is not None and rule.kind == "keep":
                where = "--keep" if (table.label, name) in kept else f"the rule {rule.path!r}"
                raise UsageError(
                    f"--anonymize: {column.label!r} is to be masked, and {where} keeps it as it is",
                    hint="leave one of them out",
                )
            if column.generated:
                raise UsageError(
                    f"--anonymize: {column.label!r} is a generated column, which is not copied",
                    hint="mask the columns that it is made of",
                )
            if rule is None:
                place = _Place(table.mask, column)
                root = next((each for each in same_domain(catalog, column) if each.column.domain == each.column.label),
                            place)  # fmt: skip
                places.setdefault((root.table.label, root.column.name), place)
    if not places:
        return
    labels = {label for label, _ in places} | {place.table.label for place in places.values()}
    wanted = {*places, *((place.table.label, place.column.name) for place in places.values())}
    tables = [table for label, table in sorted(catalog.tables.items()) if label in labels]
    decided = {
        table.label: {each.name for each in table.mask.columns if (table.label, each.name) not in wanted}
        for table in tables
    }
    async with job.snapshot.session() as connection:
        personal = await find_personal(connection, tables, decided=decided)
    for (label, name), place in places.items():
        root = _Place(catalog.tables[label].mask, _column(catalog, label, name))
        what = personal[label].get(name) or personal[place.table.label].get(place.column.name)
        if what is None:
            raise UsageError(
                f"--anonymize: {place.column.label!r} has no rule, and looks like nothing that has a default",
                hint=f"write a rule for it: {written(root.table, catalog.search_path, name)} under 'anonymize' in "
                f"{job.file.shown or 'db/sync_config.yaml'}",
            )
        others = [each for each in same_domain(catalog, root.column) if each.column.label != root.column.label]
        works, value = default_rule(
            lambda kind: ctx.get(ANONYMIZER, kind), *root, what.what, within=what.within, others=others
        )
        if not works:
            raise UsageError(
                f"--anonymize: {place.column.label!r} looks like {what.what}, and no default for that fits "
                f"{place.column.type.shown} and the keys of {place.table.label!r}",
                hint=f"write a rule for it in {job.file.shown or 'db/sync_config.yaml'}",
            )
        found.setdefault(label, {})[name] = read_rule(value, path=f"--anonymize {place.column.label}")


def _column(catalog: Catalog, label: str, name: str) -> MaskColumn:
    column = catalog.tables[label].mask.column(name)
    assert column is not None
    return column


def same_domain(catalog: Catalog, column: MaskColumn) -> Sequence[_Place]:
    """All columns that foreign keys bind to ``column``, itself among them: they have one rule."""
    if not column.is_linked:
        return [_Place(catalog.tables[f"{column.schema}.{column.table}"].mask, column)]
    return [
        _Place(table.mask, each)
        for table in catalog.tables.values()
        for each in table.mask.columns
        if each.domain == column.domain
    ]
