"""The switch ``command``: real programs, what they were told and what becomes of those that fail."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from confiture.errors import Busy, ConfigError, ExecutionError, UsageError
from confiture.hooks import SWITCH
from confiture.model import Target
from confiture.protocols import DirectedSwitch
from confiture.registry import Registry
from confiture.testing import open_context

pytestmark = pytest.mark.anyio

OLD = Target(label="old", params={"host": "db1", "user": "u", "password": "hush1", "dbname": "shop"})
NEW = Target(label="new", params={"host": "db2", "user": "u", "password": "hush2", "dbname": "shop2"})
SCRIPT = '#!/bin/sh\necho "$CONFITURE_STEP $CONFITURE_OLD_URL $CONFITURE_NEW_URL $*" >> said\n'


def program(project, text=SCRIPT, name="switch.sh"):
    project.write(name, text).chmod(0o755)


async def test_each_step_is_told_both_places_without_passwords(project):
    """In order, with its own arguments, in the project's folder."""
    program(project)
    steps = "\n".join(f'{step} = ["./switch.sh", "a b", "$HOME"]' for step in ("hold", "switch", "release"))
    project.config(f"[command]\n{steps}\n")
    async with open_context(project.root, registry=Registry()) as ctx:
        switch = ctx.get(SWITCH, "command")
        assert await switch.preflight(ctx, OLD, NEW) == []
        await switch.hold(ctx, OLD, NEW, timeout_s=60)
        assert await switch.switch(ctx, OLD, NEW) == (OLD, NEW)
        await switch.release(ctx, OLD, NEW)
    said = (project.root / "said").read_text()
    places = "postgresql://u@db1/shop postgresql://u@db2/shop2 a b $HOME"
    assert said.splitlines() == [f"{step} {places}" for step in ("hold", "switch", "release")]


async def test_a_request_names_the_program(project):
    """It is split as a shell does; what is configured beside it stays."""
    program(project)
    async with open_context(project.root, registry=Registry()) as ctx:
        switch = ctx.get(SWITCH, "command")
        assert isinstance(switch, DirectedSwitch)
        with pytest.raises(UsageError):
            switch.directed("./switch.sh 'a")
        await switch.directed("./switch.sh 'a b'").switch(ctx, OLD, NEW)
        with pytest.raises(ConfigError):
            await switch.switch(ctx, OLD, NEW)
    assert (project.root / "said").read_text().endswith("shop2 a b\n")


async def test_a_failure_has_its_last_lines_without_secrets(project):
    """The exit code, and not the password that it prints."""
    program(project, "#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i; done\necho hush2 >&2\nexit 3\n")
    project.config('[command]\nswitch = ["./switch.sh"]\n')
    async with open_context(project.root, registry=Registry()) as ctx:
        with pytest.raises(ExecutionError, match="exit code 3") as caught:
            await ctx.get(SWITCH, "command").switch(ctx, OLD, NEW)
    assert caught.value.detail is not None
    assert caught.value.detail.splitlines() == [*(f"line {number}" for number in range(4, 13)), "****"]


async def test_a_hold_that_takes_too_long_is_killed_and_let_go(project):
    """With what it started; a pause must not be left behind."""
    program(project, "#!/bin/sh\nsleep 60 &\necho $! > child\nwait\n", "hold.sh")
    program(project)
    project.config('[command]\nhold = ["./hold.sh"]\nswitch = ["./switch.sh"]\nrelease = ["./switch.sh"]\n')
    written = project.write("child", "")
    async with open_context(project.root, registry=Registry()) as ctx:
        for timeout_s in (0.2, 2, 20):  # the shell has to have come so far as to start something
            with pytest.raises(Busy, match=rf"did not end within {timeout_s} s"):
                await ctx.get(SWITCH, "command").hold(ctx, OLD, NEW, timeout_s=timeout_s)
            assert (project.root / "said").read_text().startswith("release ")
            if child := written.read_text().strip():
                break
    assert child
    with anyio.fail_after(20):  # it has been sent the signal, and is less than the 60 s old that it is there for
        while is_alive(child):
            await anyio.sleep(0.01)


def is_alive(pid):
    """A zombie is not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


async def test_what_is_missing_is_found_beforehand(project):
    """No program, one that is not there, a hold that nothing ends."""
    project.config('[command]\nhold = ["./nowhere.sh"]\n')
    async with open_context(project.root, registry=Registry()) as ctx:
        found = await ctx.get(SWITCH, "command").preflight(ctx, OLD, NEW)
    assert [finding.level for finding in found] == ["error", "error", "warning"]
