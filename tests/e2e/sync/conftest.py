"""Two databases of one schema, and a project that knows both."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from confiture.model import Target
from conftest import ProjectFolder
from e2e.sync.pairs import KEY, Pair


@pytest.fixture
def pair(project: ProjectFolder, new_database: Callable[[], Target], monkeypatch: pytest.MonkeyPatch) -> Pair:
    """Two empty databases, and a key in the environment."""
    monkeypatch.setenv("CONFITURE_ANONYMIZATION_KEY", KEY)
    return Pair(project, new_database(), new_database())
