"""Writes the statements below the examples of docs/reference/migration-map.md: ``python tests/docs/map_page.py``.

A test compares.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from confiture import Kernel
from confiture.config.dsn import to_uri
from confiture.model import Target
from confiture_schema_to_schema.commands.rendering.lines import between, sql_lines
from confiture_schema_to_schema.model import PlanReport, PlanRequest

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "migration-map.md"
#: A map, and the statements below it.
EXAMPLE = re.compile(r"```(yaml|toml)\n(.*?)```\n(?:\n```sql\n(.*?)```\n)?", re.DOTALL)
WIDTH = 96


def schema(name: str) -> str:
    """The page's block with that title."""
    found = re.search(rf'```sql title="{re.escape(name)}"\n(.*?)```', PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


async def expected(old: Target, new: Target) -> str:
    """The page as it should be. The databases have its two schemas."""
    text = PAGE.read_text(encoding="utf-8")
    parts, end = [], 0
    with tempfile.TemporaryDirectory() as folder:
        # Not each of them can be followed.
        (Path(folder) / "confiture.toml").write_text("[schema-to-schema]\ncapture = 'none'\n")
        async with Kernel(folder).run() as run:
            for example in EXAMPLE.finditer(text):
                file = Path(folder) / f"map.{example[1]}"
                file.write_text(example[2], encoding="utf-8")
                request = PlanRequest(
                    source=to_uri(old.params),
                    target=to_uri(new.params),
                    mapping=str(file),
                    strategy="copy",
                    tables=_tables(example[1], example[2]),
                    sample=False,
                    preflight=False,
                )
                report: PlanReport = await run.start("schema-to-schema-plan", request)
                assert report.errors == (), example[0]
                parts += [text[end : example.start()], f"```{example[1]}\n{example[2]}```\n"]
                if example[3] is not None:
                    parts.append("\n```sql\n" + "\n".join(_statements(report)) + "\n```\n")
                end = example.end()
    return "".join([*parts, text[end:]])


def _tables(language: str, text: str) -> tuple[str, ...]:
    """The old tables that the map speaks of."""
    if language == "toml":
        import tomllib

        return tuple(tomllib.loads(text)["tables"])
    return tuple((yaml.safe_load(text) or {}).get("tables") or ("cities",))


def _statements(report: PlanReport) -> Iterator[str]:
    for number, table in enumerate(report.tables):
        if number:
            yield ""
        yield f"-- {between(table.source, table.table)}"
        yield from sql_lines(table.query, width=WIDTH)


async def _write() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with Kernel(folder).run() as run, run.scratch("old") as old, run.scratch("new") as new:
            for target, name in ((old, "old.sql"), (new, "new.sql")):
                async with run.connect(target) as connection:
                    await connection.execute(schema(name))
            text = await expected(old, new)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(_write())
