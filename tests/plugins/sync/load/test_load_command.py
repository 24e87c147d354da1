"""``confiture sync abandon``, as it is typed."""

from __future__ import annotations

import json
import os
import sys

import anyio
import pytest

pytestmark = pytest.mark.anyio


async def test_the_command_puts_right_and_says_what_it_did(both, source, target, psql, sync, state, project):
    both("CREATE TABLE p (id integer PRIMARY KEY); CREATE TABLE c (p integer REFERENCES p)")
    psql(source, "INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)")
    before = state()
    with pytest.raises(KeyError):
        async with sync.loading(resumable=True) as loader:
            await loader.copy("public.p")
            raise KeyError
    project.environment_for(target)
    command = [sys.executable, "-m", "confiture", "sync", "abandon", "--to", "local", "--format", "json"]
    done = await anyio.run_process(command, cwd=project.root, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr.decode()
    report = json.loads(done.stdout)
    report = report.get("report", report)
    assert (report["emptied"], report["objects"]) == (["public.c"], 1)
    assert state() == before
    assert psql(target, "SELECT * FROM p; SELECT * FROM c") == "1"
