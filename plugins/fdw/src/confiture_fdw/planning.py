"""What is decided before a row moves: the types, the place, and the statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from confiture.errors import PermissionMissing, Refused
from confiture.quoting import quote_ident
from confiture.transfer import query_types
from confiture_fdw.failures import telling
from confiture_fdw.inserting import Insert, insert_of
from confiture_fdw.layouts import Layout, read_layout
from confiture_fdw.locales import read_locale
from confiture_fdw.objects import read_functions, shared_extensions
from confiture_fdw.rewriting import rewrite

if TYPE_CHECKING:
    from confiture.model import Mask, TransferTask
    from confiture.protocols import Connection
    from confiture.transfer import Fit, WireType
    from confiture_fdw.objects import Abilities, Foreign
    from confiture_fdw.queries import ReadQuery

__all__ = [
    "place_of",
    "plan_insert",
    "read_source",
    "refuse_other_functions",
    "refuse_other_locale",
    "refuse_slow_keys",
    "task_obstacle",
    "types_of",
]

_USE_COPY: Final = "use the engine 'copy', which runs the query on the source"
_PLACE: Final = """
SELECT n.nspname::text FROM pg_catalog.pg_namespace n
 WHERE pg_catalog.has_schema_privilege(n.oid, 'CREATE') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 ORDER BY n.nspname = $1 DESC, n.nspname LIMIT 1
"""


def task_obstacle(task: TransferTask, masks: Sequence[Mask]) -> str | None:
    """Why this engine cannot do it, whatever the databases say; None where it can."""
    if masks:
        return "values would leave the source before they are masked"
    if task.snapshot is not None:
        return "its connection cannot use a snapshot that another session exported"
    if not all(each.transactional and each.copy_data is None for each in (*task.before, *task.after)):
        return "a statement around the rows cannot run in their transaction"
    return None


async def read_source(source: Connection, task: TransferTask, query: ReadQuery) -> tuple[tuple[WireType, ...], Layout]:
    """The query's types, and what it is made of."""
    return await query_types(source, task.query), await read_layout(source, query)


async def plan_insert(
    target: Connection, task: TransferTask, query: ReadQuery, layout: Layout, foreign: Foreign | None, fitted: Fit
) -> Insert:
    """The INSERT over the foreign tables, described by the target."""
    if foreign is not None:
        _refuse_order(query, foreign.unknown)
    names = foreign.names if foreign is not None else {}
    rewritten = rewrite(query, names, layout.session, layout.bases)
    async with telling(f"the query for {task.table!r}, which {task.target.label!r} would run,"):
        return await insert_of(target, rewritten, fitted, task.columns)


async def refuse_other_functions(target: Connection, query: ReadQuery, layout: Layout) -> None:
    """Raises ``Refused`` where a function of the source is another one on the target, or none there."""
    if not layout.functions:
        return
    there = await read_functions(target, sorted({name for _, name, *_ in layout.functions}))
    for schema, name, arguments, body in sorted(layout.functions):
        if (schema, name, arguments, body) not in there:
            raise Refused(
                f"the query calls '{schema}.{name}({arguments})', which the target does not have, or not as it is here",
                hint=f"make it the same there, or {_USE_COPY}",
            )


async def refuse_other_locale(target: Connection, query: ReadQuery, layout: Layout) -> None:
    """Raises ``Refused`` where upper and lower case may be another thing on the target."""
    if query.folds and (there := await read_locale(target)) != layout.locale:
        raise Refused(
            f"the query tells upper from lower case, and locales differ: {layout.locale!r} on the source, "
            f"{there!r} on the target",
            hint=_USE_COPY,
        )


def _refuse_order(query: ReadQuery, unknown: Mapping[str, str]) -> None:
    """Raises ``Refused`` where the query asks for the order of values of a type that is only text on the target."""
    for name in query.ordered:
        if name in unknown:
            raise Refused(
                f"the query asks for the order of {name!r} of {unknown[name]!r}, whose type the target lacks or has "
                "otherwise: the order of its texts is another one",
                hint=_USE_COPY,
            )


def refuse_slow_keys(layout: Layout, able: Abilities) -> None:
    """Raises ``Refused`` where ranges of a primary key would not be sent to the source."""
    for key in layout.keys:
        shared = key.extension is not None and key.extension in shared_extensions(layout, able)
        if key.schema != "pg_catalog" and not shared:
            raise Refused(
                f"the key of {key.relation!r} has the column {key.name!r} of a user's own type, whose comparisons "
                "postgres_fdw does not send to the source: each chunk would read the whole table",
                hint="use the engine 'copy'",
            )


async def place_of(target: Connection, able: Abilities, wanted: str) -> str | None:
    """The schema for the foreign tables, ``wanted`` if it may be; None: one of their own.

    Raises ``PermissionMissing`` where there is none.
    """
    if able.schemas:
        return None
    place = await target.fetchval(_PLACE, wanted)
    if place is None:
        database, role = quote_ident(able.database), quote_ident(able.role)
        raise PermissionMissing(
            f"{able.role!r} may make foreign tables in no schema of the target",
            hint=f"have its owner run: GRANT CREATE ON DATABASE {database} TO {role}",
        )
    return str(place)


def types_of(layout: Layout) -> list[int]:
    """The OIDs of the types of all columns, on the source."""
    return list({column.type for each in layout.relations.values() for column in each.columns})
