"""Every example of the map's page is compiled, and the page shows what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs import map_page
from docs.test_snippets import DOCS, blocks

pytestmark = pytest.mark.anyio

MISSION = """\
# db/migration_map.yaml
tables:
  users:
    columns:
      # Rename column
      full_name: display_name

      # Transform data
      created_at:
        target: created_timestamp
        transform: "created_at AT TIME ZONE 'UTC'"

    # Custom transformation SQL
    custom_sql: |
      INSERT INTO production_new.users (id, display_name, created_timestamp)
      SELECT id, full_name, created_at AT TIME ZONE 'UTC'
      FROM old_schema.users
      WHERE deleted_at IS NULL
"""


async def test_the_page_shows_what_its_examples_become(new_database, psql) -> None:
    """None of them has an error, and the statements are those that are run."""
    old, new = new_database(), new_database()
    psql(old, map_page.schema("old.sql"))
    psql(new, map_page.schema("new.sql"))
    text = map_page.PAGE.read_text(encoding="utf-8")
    assert await map_page.expected(old, new) == text, "run: python tests/docs/map_page.py"


def test_the_missions_map_is_on_the_page() -> None:
    """Letter for letter."""
    assert f"```yaml\n{MISSION}```\n" in map_page.PAGE.read_text(encoding="utf-8")


def test_every_key_is_on_the_page() -> None:
    """Each in a row of its own, and in an example."""
    from confiture_schema_to_schema.values import LookupMap, TableMap

    page = map_page.PAGE.read_text(encoding="utf-8")
    examples = "\n".join(match[2] for match in map_page.EXAMPLE.finditer(page))
    for key in (set(TableMap.__struct_fields__) - {"source", "path", "line"}) | {"into", "tables"}:
        assert f"\n| `{key}` |" in page, key
        assert f"{key}:" in examples, key
    for key in LookupMap.__struct_fields__:
        assert f"{key}:" in examples, key


def test_the_example_is_what_the_tutorial_writes(tmp_path: Path) -> None:
    """Who reads the folder reads what the tutorial was followed with."""
    written = {}
    for block in blocks(DOCS / "tutorial" / "first-zero-downtime-migration.md"):
        if block.title is not None:
            written[block.title.removeprefix("bike-hire/")] = block.text
    folder = DOCS / "examples" / "bike-hire"
    files = [file for file in folder.rglob("*") if file.is_file() and ".confiture" not in file.parts]
    kept = {str(file.relative_to(folder)): file.read_text() for file in files if file.name != "README.md"}
    assert kept == written


def test_the_commands_page_has_every_finding_and_every_field_of_the_status() -> None:
    """Scripts branch on both."""
    from confiture_schema_to_schema.model import Finding, StatusReport

    page = (DOCS / "reference" / "schema-to-schema.md").read_text(encoding="utf-8")
    checks = (Finding.__doc__ or "").partition("``check``:")[2].split("``")[1::2]
    assert len(checks) > 10
    assert [check for check in checks if f"`{check}`" not in page] == []
    known = {"source", "target", "exit_code"}  # which every report has
    assert [field for field in StatusReport.__struct_fields__ if f"`{field}`" not in page and field not in known] == []
