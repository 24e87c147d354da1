"""The examples of docs/reference/copy.md do what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from confiture.testing import open_context
from docs.test_snippets import blocks

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "copy.md"


def example(name: str):
    """The function of that name in the page's Python."""
    for block in blocks(PAGE):
        if block.language == "python" and f"async def {name}(" in block.text:
            names: dict = {}
            exec(compile(block.text, f"{PAGE.name}:{block.line}", "exec"), names)
            return names[name]
    raise AssertionError(f"no example {name}")


async def test_the_first_example(project, both, psql, source, target, monkeypatch, capsys):
    """From the environment production to staging, masked."""
    both("CREATE TABLE users (id int PRIMARY KEY, email text, created_at timestamptz DEFAULT now())")
    psql(source, "INSERT INTO users SELECT n, 'person' || n FROM generate_series(1, 5) AS n")
    project.environment_for(source, "production")
    project.environment_for(target, "staging")
    monkeypatch.chdir(project.root)
    await example("main")()
    assert capsys.readouterr().out.startswith("5 rows in ")
    assert psql(target, "SELECT email FROM users WHERE id = 3") == "user_3@example.com"


async def test_the_example_of_chunks(project, psql, source, capsys):
    """Each is a query of its own."""
    psql(source, "CREATE TABLE events AS SELECT generate_series(1, 100) AS n")
    async with open_context(project.root) as ctx:
        await example("chunks_of")(ctx, source)
    assert capsys.readouterr().out == "SELECT * FROM ONLY public.events WHERE true\n"
