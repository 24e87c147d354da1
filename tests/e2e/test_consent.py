"""What destroys asks first, and where nobody can be asked it is refused."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path

CONFITURE = Path(sysconfig.get_path("scripts")) / "confiture"


def confiture(project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CONFITURE, *arguments], cwd=project.root, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


def test_a_replacement_needs_consent(project, database, psql):
    """ConfirmationNeeded, exit code 8, and the database is as it was; --yes is the consent."""
    project.schema("a.sql", "CREATE TABLE new ();\n")
    project.environment_for(database)
    psql(database, "CREATE TABLE old ()")
    tables = "SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    refused = confiture(project, "build", "--recreate", "--format", "json")
    assert refused.returncode == 8
    assert json.loads(refused.stdout or refused.stderr)["error"]["code"] == "confirmation-needed"
    assert psql(database, tables) == "old"
    done = confiture(project, "build", "--recreate", "--yes")
    assert done.returncode == 0, done.stderr
    assert psql(database, tables) == "new"
