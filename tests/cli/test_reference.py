"""The command line's reference page says what the command line says."""

from __future__ import annotations

import json

import pytest

from cli import reference
from confiture.cli.env import EnvironmentRow, EnvReport
from confiture.cli.plugins import ConflictRow, PluginRow, PluginsReport
from confiture_init.model import Adopted, InitReport


def test_the_page_has_the_help_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Documentation that was copied once is wrong from the second change on."""
    monkeypatch.setenv("COLUMNS", "80")
    assert reference.expected() == reference.PAGE.read_text(), "run: python tests/cli/reference.py"


@pytest.mark.parametrize(
    "report", [EnvReport, EnvironmentRow, PluginsReport, PluginRow, ConflictRow, InitReport, Adopted]
)
def test_every_field_of_a_json_report_is_documented(report) -> None:
    """A program is written from the page."""
    page = reference.PAGE.read_text()
    assert [field for field in report.__struct_fields__ if f"`{field}`" not in page] == []


def test_the_envelope_of_an_error_is_as_documented(run_here) -> None:
    """The example on the page is what a program gets."""
    example = reference.PAGE.read_text().split("```json\n")[1].split("```")[0]
    assert json.loads(run_here("plugin", "--format", "json")[1]) == json.loads(example)
