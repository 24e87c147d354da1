"""The medium ``schema-to-schema-map``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from confiture.config.project import MigrationsConfig
from confiture.errors import Refused, UsageError
from confiture.model import Decisions
from confiture.sides import shown_side
from confiture.transfer import reading
from confiture_schema_to_schema.cataloguing import read_catalog
from confiture_schema_to_schema.configuring import DEFAULT_MAPS, SECTION, SchemaToSchemaConfig
from confiture_schema_to_schema.creating import new_schema
from confiture_schema_to_schema.generating.casting import misfits
from confiture_schema_to_schema.generating.drafting import Draft, make_draft, pairs_of
from confiture_schema_to_schema.generating.matching import match_names, read_schema
from confiture_schema_to_schema.generating.writing import as_toml, as_yaml
from confiture_schema_to_schema.model import MapReport, MapRequest
from confiture_schema_to_schema.sides import find_sides

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["MapMedium"]


class MapMedium:
    """Compares the schemas, and writes what the map must say. One instance may serve several runs."""

    request_type: type[MapRequest] = MapRequest

    async def run(self, ctx: Context, request: MapRequest) -> MapReport:
        """Write the file. Raises ``Refused`` where there is one already.

        What the differ is sure of is written; what it is not sure of, what is gone and what nothing fills stands there
        as comments, for somebody to decide. Raises ``UsageError`` for a rename or a drop of nothing.
        """
        path = _path(ctx, request)
        shown = ctx.project.shown(path)
        if path.exists() and not request.force:
            raise Refused(
                f"there is a migration map already: {shown!r}",
                hint="have it replaced with --force, or name another file with --output",
            )
        sides = await find_sides(ctx, request)
        async with new_schema(ctx, sides) as (target, _):
            draft = await _draft(ctx, sides.source, target, request)
        head = f"From {shown_side(sides.source)} to {shown_side(sides.target)}."
        text = as_toml(draft, head) if path.suffix == ".toml" else as_yaml(draft, head)
        _write(path, text, shown)
        return MapReport(path=shown, text=text, renames=draft.renames, open=draft.open)


async def _draft(ctx: Context, source: Target, target: Target, request: MapRequest) -> Draft:
    own = ctx.settings("migrations", MigrationsConfig).schema
    decisions = Decisions(renames=tuple(request.renames.items()), drops=request.drops)
    async with reading(ctx, source) as left, reading(ctx, target) as right:
        old, new = await read_catalog(left, own_schema=own), await read_catalog(right, own_schema=own)
        before, after = await read_schema(ctx, source, old), await read_schema(ctx, target, new)
        names = await match_names(ctx, before, after, decisions)
        found = await misfits(left, right, pairs_of(old, new, names))
    return make_draft(old, new, names, found, request.drops)


def _path(ctx: Context, request: MapRequest) -> Path:
    """Where the map is to be: as the request says, else where :func:`read_map` looks for it."""
    if request.output is not None:
        named = Path(request.output)
    elif request.mapping is not None:
        named = Path(request.mapping)
    else:
        root = ctx.project.root
        configured = ctx.settings(SECTION, SchemaToSchemaConfig).mapping
        if configured is not None:
            return root / configured
        # One that is there already would be read instead of ours.
        return next((root / name for name in DEFAULT_MAPS if (root / name).exists()), root / DEFAULT_MAPS[0])
    if named.suffix not in (".yaml", ".yml", ".toml"):
        raise UsageError(f"a map is YAML or TOML, and {str(named)!r} is neither", hint="name a file that ends in .yaml")
    return named


def _write(path: Path, text: str, shown: str) -> None:
    """Whole, or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(f"{shown!r} cannot be written: {error.strerror}", hint="name another place") from None
