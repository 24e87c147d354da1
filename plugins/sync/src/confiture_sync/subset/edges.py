"""Foreign keys as ways from one table to another: which are followed, in what order, and whom nobody leads to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import TopologicalSorter

import msgspec

from confiture.errors import ConfigError, Refused, UsageError
from confiture.masking.rules import split_name
from confiture.quoting import quote_ident
from confiture_sync.selecting import find_columns
from confiture_sync.values import Catalog, ForeignKey, Job, Selected

__all__ = ["Step", "check_fed", "find_children", "find_parents", "grouped", "quote_if_odd", "written", "wrong"]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A foreign key that is followed: ``down`` from parents to children, else from children to parents."""

    key: ForeignKey
    down: bool = False

    @property
    def source(self) -> str:
        """The label of the table whose rows are there."""
        return self.key.parent if self.down else self.key.table

    @property
    def dest(self) -> str:
        """The label of the table whose rows it gives."""
        return self.key.table if self.down else self.key.parent

    @property
    def columns(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The columns of ``source`` and those of ``dest``, pair by pair."""
        key = self.key
        return (key.parent_columns, key.columns) if self.down else (key.columns, key.parent_columns)


def find_parents(selected: Selected) -> tuple[Step, ...]:
    """From every table that is copied to the parents that are too, save for keys that are cut."""
    labels = {table.label for table in selected.tables}
    cut = set(selected.cut)
    return tuple(
        Step(key=key)
        for table in selected.tables
        for key in table.foreign_keys
        if key.parent in labels and key not in cut
    )


def find_children(job: Job, catalog: Catalog, selected: Selected) -> tuple[Step, ...]:
    """The foreign keys that somebody wants followed from parent to child.

    Raises ``UsageError`` or ``ConfigError`` for a column that is none of a foreign key, or whose tables are not copied.
    """
    asked = job.request.children or job.file.subset.children
    file = None if job.request.children else job.file.shown
    option = "--children" if file is None else "subset.children"
    labels = {table.label for table in selected.tables}
    found: dict[ForeignKey, Step] = {}
    for name in asked:
        places = find_columns(catalog, name, option=option)
        keys = [key for table, column in places for key in table.foreign_keys if column in key.columns]
        if not keys:
            raise wrong(f"{option}: {name!r} is no foreign key", _keys_of(places[0][0].foreign_keys), file)
        both = [key for key in keys if key.table in labels and key.parent in labels]
        # A file serves runs of some of its tables too; whoever writes an option means this run.
        if not both and file is None and "*" not in name:
            missing = keys[0].table if keys[0].table not in labels else keys[0].parent
            raise wrong(f"{option}: {name!r} leads nowhere, since {missing!r} is not copied", "see --tables", file)
        found |= {key: Step(key=key, down=True) for key in both}
    return tuple(found.values())


def check_fed(
    selected: Selected, seeded: Iterable[str], children: Sequence[Step], parents: Sequence[Step], *, file: str | None
) -> None:
    """Raise ``Refused`` where rows of a table come from nowhere: copied as it is, it would be empty."""
    expanding = _reached(seeded, children)
    fed = _reached(expanding, parents)
    lost = [table for table in selected.tables if table.label not in fed]
    if not lost:
        return
    lines = []
    for table in lost:
        ways = [key for key in table.foreign_keys if key.parent in expanding and key.parent != table.label]
        tables = written(table.mask.schema, table.mask.name)
        child = f"--children {tables}.{quote_if_odd(ways[0].columns[0])}, " if ways else ""
        lines.append(f"{child}--sample {tables}=all or --exclude {tables}")
    raise Refused(
        f"no row would be copied of {', '.join(repr(table.label) for table in lost)}: it has no seed, "
        "and no foreign key that is followed leads to it",
        hint="write " + "; ".join(lines) + (f" (or the same under 'subset' in {file})" if file else ""),
    )


def grouped(steps: Sequence[Step]) -> list[tuple[frozenset[str], tuple[Step, ...], tuple[Step, ...]]]:
    """The tables in groups that reach each other, each after those whose steps lead to it.

    With each group go the steps within it, and those that lead out of it.
    """
    follow: dict[str, set[str]] = {}
    for step in steps:
        follow.setdefault(step.source, set()).add(step.dest)
        follow.setdefault(step.dest, set())
    group_of = _components(follow)
    before: dict[frozenset[str], set[frozenset[str]]] = {group: set() for group in group_of.values()}
    for source, nexts in follow.items():
        for dest in nexts:
            if group_of[source] != group_of[dest]:
                before[group_of[dest]].add(group_of[source])
    return [
        (
            group,
            tuple(step for step in steps if step.source in group and step.dest in group),
            tuple(step for step in steps if step.source in group and step.dest not in group),
        )
        for group in TopologicalSorter(before).static_order()
    ]


def _components(follow: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """By table, those that it reaches and that reach it (Kosaraju's algorithm, without recursion)."""
    order: list[str] = []
    seen: set[str] = set()
    back: dict[str, list[str]] = {node: [] for node in follow}
    for root in sorted(follow):
        work = [(root, False)]
        while work:
            node, done = work.pop()
            if done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                work.append((node, True))
                for following in sorted(follow[node]):
                    back[following].append(node)
                    work.append((following, False))
    found: dict[str, frozenset[str]] = {}
    for root in reversed(order):
        if root in found:
            continue
        group = {root}
        stack = [root]
        while stack:
            for node in back[stack.pop()]:
                if node not in found and node not in group:
                    group.add(node)
                    stack.append(node)
        found |= dict.fromkeys(group, frozenset(group))
    return found


def written(schema: str, name: str) -> str:
    """How an option would name the table."""
    return quote_if_odd(name) if schema == "public" else f"{quote_if_odd(schema)}.{quote_if_odd(name)}"


def quote_if_odd(name: str) -> str:
    """The name as an option takes it: quoted where it must be."""
    try:
        return name if split_name(name) == (name,) and "*" not in name else quote_ident(name)
    except ConfigError:
        return quote_ident(name)


def _reached(start: Iterable[str], steps: Sequence[Step]) -> set[str]:
    found = set(start)
    while more := {step.dest for step in steps if step.source in found} - found:
        found |= more
    return found


def _keys_of(keys: Sequence[ForeignKey]) -> str:
    return f"its foreign keys: {', '.join(key.label for key in keys)}" if keys else "the table has no foreign key"


def wrong(message: str, hint: str | None, file: str | None) -> UsageError | ConfigError:
    """An error to raise: of the file that something was written in, or of the request."""
    return UsageError(message, hint=hint) if file is None else ConfigError(message, hint=hint, file=file)
