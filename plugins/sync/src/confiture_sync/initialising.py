"""The medium ``sync-init``: looks at a source, and writes the first rules for what looks personal there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from confiture.config.project import MigrationsConfig
from confiture.errors import ConfigError, UsageError
from confiture.hooks import ANONYMIZER
from confiture.masking import Rule, inherit, read_rule
from confiture.sides import find_side
from confiture.transfer import exported_snapshot
from confiture_sync.cataloguing import read_catalog
from confiture_sync.configuring import DEFAULT_FILES, SyncFile, find_file, read_sync_file
from confiture_sync.detect import Personal, find_personal
from confiture_sync.detect.coverage import findings_of, with_linked
from confiture_sync.detect.defaults import default_rule, shown_rule
from confiture_sync.detect.listing import Listing, differences, format_listing, read_listing, types_of
from confiture_sync.initialising_model import SyncInitReport, SyncInitRequest
from confiture_sync.initialising_writing import Written, format_rules, write_file
from confiture_sync.ruling import file_rules, same_domain
from confiture_sync.selecting import find_tables
from confiture_sync.spelling import written
from confiture_sync.values import Catalog, SyncTable

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["SyncInitMedium"]

_Found = Mapping[str, Mapping[str, Personal]]


class SyncInitMedium:
    """``confiture sync init``. One instance may serve several runs."""

    request_type: type[SyncInitRequest] = SyncInitRequest

    async def run(self, ctx: Context, request: SyncInitRequest) -> SyncInitReport:
        """Look at the source, which is only read, and write files of the project.

        A file of rules that is there stays as it is, unless ``force`` is asked for; the report says then what it does
        not cover. The list of columns is written with the first rules, and by ``accept``.
        """
        path, file = _file(ctx, request)
        shown = ctx.project.shown(path)
        source = await find_side(ctx, request.source, "--from")
        own = ctx.settings("migrations", MigrationsConfig).schema
        async with exported_snapshot(ctx, source) as snapshot, snapshot.session() as connection:
            catalog = await read_catalog(connection, own_schema=own, references=file.references, file=file.shown)
            tables = _tables(catalog, request, file)
            types = await types_of(connection, tables)
            ruled = inherit(
                [table.mask for table in catalog.tables.values()], file_rules(catalog, file.rules, file=file.shown)
            )
            decided = {label: set(columns) for label, columns in ruled.items()}
            found = with_linked(tables, await find_personal(connection, tables, decided=decided))
        rules: Mapping[str, Mapping[str, Rule]] = ruled
        files: list[tuple[Path, str, str]] = []
        first = not request.accept and (request.force or not path.is_file())
        lines: list[Written] = []
        if first:
            lines, rules = _first_rules(ctx, catalog, found)
            files.append((path, format_rules(lines, source.label), shown))
        changed: tuple[str, ...] = ()
        if first or request.accept:
            place = ctx.project.root / file.coverage
            # Anew with the first rules, whatever a list that nobody can read any more says.
            listed = _listed(place, file.coverage, forced=request.force or request.accept)
            kept = {label: columns for label, columns in listed.items() if label in catalog.tables}
            changed = differences(listed, types) if listed else ()
            files.append((place, format_listing({**kept, **types}), file.coverage))
        for place, text, name in files:
            write_file(place, text, name)
        return SyncInitReport(
            source=source.label,
            config=shown,
            coverage=file.coverage,
            findings=findings_of(tables, found, rules),
            rules={f"{line.table}.{line.column}": line.rule for line in lines if line.rule is not None},
            unfitting=tuple(f"{line.table}.{line.column}" for line in lines if line.rule is None),
            changed=changed,
            written=tuple(name for _, _, name in files),
        )


def _file(ctx: Context, request: SyncInitRequest) -> tuple[Path, SyncFile]:
    """Where the rules are or will be, and what is there."""
    if request.accept and request.force:
        raise UsageError("--accept writes no rules, and --force writes them anew", hint="leave one of them out")
    path = None
    if request.config is None:
        path = find_file(ctx, None)
    else:
        named = Path(request.config)
        path = next((each for each in (named, ctx.project.root / named) if each.is_file()), named)
    if path is None:
        path = ctx.project.root / DEFAULT_FILES[0]
    if request.config is not None and not path.is_file() and request.accept:
        raise UsageError(f"there is no file {request.config!r}", hint="leave --config out, or name the file of rules")
    if not path.is_file() or request.force:
        if path.suffix not in (".yaml", ".yml"):
            raise UsageError(
                f"the first rules are written as YAML, and {ctx.project.shown(path)!r} is another kind of file",
                hint="name a file that ends in .yaml",
            )
        return path, SyncFile()
    return path, read_sync_file(ctx, str(path))


def _tables(catalog: Catalog, request: SyncInitRequest, file: SyncFile) -> tuple[SyncTable, ...]:
    """Those of the request, else of the file, else all. Their parents need not be among them: nothing is copied."""
    names = request.tables or file.tables
    exclude = request.exclude or (() if request.tables else file.exclude)
    chosen = {t.label: t for name in names for t in find_tables(catalog, name, option="--tables")}
    out = {t.label for name in exclude for t in find_tables(catalog, name, option="--exclude")}
    left = [table for label, table in (chosen if names else catalog.tables).items() if label not in out]
    if not left:
        raise UsageError("there is no table to look at", hint="see --tables and --exclude; is it the right database?")
    return tuple(sorted(left, key=lambda table: table.label))


def _listed(path: Path, shown: str, *, forced: bool) -> Listing:
    try:
        return read_listing(path, shown) or {}
    except ConfigError:
        if not forced:
            raise
        return {}


def _first_rules(
    ctx: Context, catalog: Catalog, found: _Found
) -> tuple[list[Written], Mapping[str, Mapping[str, Rule]]]:
    """A rule for each finding, at the end of its foreign keys; and all that they come to."""
    lines: dict[str, Written] = {}
    rules: dict[str, dict[str, Rule]] = {}
    for label, columns in sorted(found.items()):
        for name, looks in columns.items():
            column = catalog.tables[label].mask.column(name)
            assert column is not None
            if column.generated:
                continue
            linked = same_domain(catalog, column)
            table, root = next((each for each in linked if each.column.domain == each.column.label), linked[0])
            if root.label in lines:
                continue
            looks = found.get(table.label, {}).get(root.name, looks)
            others = [each for each in linked if each.column.label != root.label]
            works, value = default_rule(
                lambda kind: ctx.get(ANONYMIZER, kind), table, root, looks.what, within=looks.within, others=others
            )
            whole = written(table, catalog.search_path)
            lines[root.label] = Written(
                whole,
                written(table, catalog.search_path, root.name).removeprefix(f"{whole}."),
                looks,
                shown_rule(value) if works else None,
                document=root.type.name in ("json", "jsonb"),
            )
            if works:
                rules.setdefault(table.label, {})[root.name] = read_rule(value)
    return list(lines.values()), inherit([table.mask for table in catalog.tables.values()], rules)
