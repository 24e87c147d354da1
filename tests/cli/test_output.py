"""What goes where: results on stdout, the rest on stderr, colours only for eyes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from cli.terminal import GATE, on_terminal
from confiture.cli.render import error_lines, render_error
from confiture.cli.shell import Shell
from confiture.errors import SyntaxInvalid

REPORTS = """
    import msgspec
    from confiture.model import WarningRaised, Note, StepStarted, Progress

    class Report(msgspec.Struct):
        rows: int
        exit_code: int = 0

    async def command(*, fail: bool = False, common: CommonParam = None, shell: ShellParam):
        async with shell.run(common) as run:
            run.emit(StepStarted(step="x", label="copying"))
            run.emit(Progress(step="x", done=1, total=2))
            run.emit(WarningRaised(message="look at this", hint="here"))
            run.emit(Note(message="by the way"))
            shell.print("3 rows")
        return Report(rows=3, exit_code=7 if fail else 0)
"""


def test_a_person_gets_lines_and_a_program_gets_json(cli) -> None:
    """Never both on stdout, and warnings never among the results."""
    (cli.folder / "confiture.toml").touch()
    cli.command("reports", REPORTS)
    done = cli("reports")
    assert (done.returncode, done.stdout) == (0, "3 rows\n")
    assert done.stderr == "warning: look at this\n  hint: here\nby the way\n"
    done = cli("reports", "--format", "json")
    assert json.loads(done.stdout) == {"rows": 3, "exit_code": 0}
    done = cli("reports", "--quiet")
    assert (done.stdout, done.stderr) == ("3 rows\n", "")


def test_a_report_can_carry_an_exit_code(cli) -> None:
    """`status` and its like answer a question with it, without an error."""
    (cli.folder / "confiture.toml").touch()
    cli.command("reports", REPORTS)
    assert cli("reports", "--fail").returncode == 7


def test_a_reader_that_goes_away_is_no_error(cli) -> None:
    """`confiture plugins | head -1` prints one line and no traceback."""
    cli.command(
        "long", "def command(*, shell: ShellParam):\n    for i in range(100_000):\n        shell.print('x' * 80)"
    )
    code = f"{sys.executable} -m confiture long | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, cwd=cli.folder, env=cli.environment())
    assert done.stdout == "x" * 80 + "\n141\n"
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("args", [["plugins"], ["plugins", "--format", "json"], ["--help"], ["--version"]])
def test_output_that_cannot_be_written_is_an_error(args, cli) -> None:
    """A report cut short by a full disk must not look like success."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "confiture", *args],
            stdout=full, stderr=subprocess.PIPE, text=True, cwd=cli.folder, env=cli.environment(),
        )  # fmt: skip
    assert done.returncode == 7
    assert done.stderr == "error: cannot write: No space left on device\n"


def test_errors_are_red_on_a_terminal_only(cli) -> None:
    """A log file or an editor shows escape codes as rubbish."""
    assert "\x1b[1;31merror:\x1b[0m unknown command 'plugin'" in on_terminal(cli, "plugin")
    assert "\x1b" not in cli("plugin").stderr
    assert "\x1b" not in on_terminal(cli, "plugin", NO_COLOR="1")
    assert "\x1b" not in on_terminal(cli, "plugin", TERM="dumb")


@pytest.mark.parametrize("args", [["--help"], ["env", "--help"], ["plugins"]])
def test_no_color_means_no_escape_code_at_all(args, cli) -> None:
    """Bold is one too."""
    assert "\x1b[1m" in on_terminal(cli, *args)
    assert "\x1b" not in on_terminal(cli, *args, NO_COLOR="1")


def test_a_table_fits_a_narrow_terminal_and_is_whole_in_a_pipe(cli) -> None:
    """On a terminal nothing is cut off at its edge; in a pipe a row is a line."""
    names = [f"acme command{number:02}" for number in range(20)]
    commands = ", ".join(f'Command(name="{name}", target="a:b", summary="")' for name in names)
    cli.plugin(
        "acme",
        f"""
        from confiture.hooks import Command, hookimpl
        API_VERSION = 1

        @hookimpl
        def confiture_commands():
            return [{commands}]
        """,
    )
    shown = on_terminal(cli, "plugins", columns=60, NO_COLOR="1")
    assert max(len(line) for line in shown.splitlines()) <= 60
    assert [word for word in ("command00", "command19", "commands", "sources", "mediums") if word not in shown] == []
    row = next(line for line in cli("plugins").stdout.splitlines() if line.startswith("acme "))
    assert ", ".join(names) in row


def test_a_bar_is_for_a_terminal_and_leaves_no_trace(cli) -> None:
    """Bars in a log are noise; a finished one on a terminal is, too."""
    (cli.folder / "confiture.toml").touch()
    cli.command(
        "slow",
        GATE
        + """
    import anyio
    from confiture.model import StepStarted, Progress, StepFinished

    async def command(*, common: CommonParam = None, shell: ShellParam):
        async with shell.run(common) as run:
            run.emit(StepStarted(step="x", label="copying"))
            for done in range(8):
                run.emit(Progress(step="x", done=done, total=8))
                await anyio.sleep(0.1)
            gate(0)
            shell.print("the result")
            run.emit(StepFinished(step="x", seconds=0.8))
        """,
    )
    shown = on_terminal(cli, "slow", gates=["copying"])
    assert "copying" not in shown.rpartition("\x1b[2K")[2]  # the line is erased at the end
    done = cli("slow")
    assert (done.stdout, done.stderr) == ("the result\n", "")
    # Results piped away while the bar is on the terminal.
    on_terminal(cli, program=["sh", "-c", f"{sys.executable} -m confiture slow > out"], gates=["copying"])
    assert (cli.folder / "out").read_text() == "the result\n"
    assert "copying" not in on_terminal(cli, "slow", "--quiet")


def test_a_result_after_a_bar_has_its_own_line(cli) -> None:
    """The bar is gone as soon as its step has ended, not only when the run ends."""
    (cli.folder / "confiture.toml").touch()
    cli.command(
        "slow",
        GATE
        + """
    from confiture.model import StepStarted, Progress, StepFinished

    async def command(*, common: CommonParam = None, shell: ShellParam):
        async with shell.run(common) as run:
            run.emit(StepStarted(step="x", label="copying"))
            run.emit(Progress(step="x", done=7, total=8))
            gate(0)
            run.emit(StepFinished(step="x", seconds=0.8))
            shell.print("the result")
        """,
    )
    before = on_terminal(cli, "slow", gates=["copying"]).partition("the result")[0]
    assert "copying" not in before.rpartition("\x1b[2K")[2]


def test_a_step_that_reports_nothing_for_long_has_a_bar(cli) -> None:
    """The first batch of a build may take minutes: it must not look dead. A short step draws nothing, ever."""
    (cli.folder / "confiture.toml").touch()
    cli.command(
        "slow",
        GATE
        + """
    from confiture.model import StepStarted, StepFinished

    async def command(*, common: CommonParam = None, shell: ShellParam):
        async with shell.run(common) as run:
            run.emit(StepStarted(step="x", label="glancing"))
            run.emit(StepFinished(step="x", seconds=0))
            run.emit(StepStarted(step="y", label="copying"))
            gate(0)  # the event loop does not even turn
            run.emit(StepFinished(step="y", seconds=1.2))
            shell.print("the result")
            time.sleep(0.6)
        """,
    )
    before, _, after = on_terminal(cli, "slow", gates=["copying"]).partition("the result")
    assert "copying" not in before.rpartition("\x1b[2K")[2]
    assert after == "\r\n"
    assert "glancing" not in before


def test_a_result_in_the_middle_of_a_step_has_its_own_line(cli) -> None:
    """The bar makes way for it and comes back below; a line that was only begun stays as it is."""
    (cli.folder / "confiture.toml").touch()
    cli.command(
        "slow",
        GATE
        + """
    from confiture.model import StepStarted, StepFinished

    async def command(*, common: CommonParam = None, shell: ShellParam):
        async with shell.run(common) as run:
            run.emit(StepStarted(step="y", label="copying"))
            gate(0)
            shell.print("the result")
            gate(2)
            shell.write("half a line")
            time.sleep(1)
            shell.print(" is ended")
            run.emit(StepFinished(step="y", seconds=3))
        """,
    )
    gates = ["copying", "the result\r\n", "copying"]
    first, _, rest = on_terminal(cli, "slow", gates=gates).partition("the result\r\n")
    assert "copying" not in first.rpartition("\x1b[2K")[2]
    second, _, end = rest.partition("half a line")
    assert "copying" not in second.rpartition("\x1b[2K")[2]
    assert end == " is ended\r\n"


def test_an_error_that_is_shown_ends_the_bars(cli) -> None:
    """`build --watch` shows it and waits for the next change: the step that failed is not under way any more."""
    (cli.folder / "confiture.toml").touch()
    cli.command(
        "slow",
        """
        import time
        from confiture.cli.render import render_error
        from confiture.errors import ServerError
        from confiture.model import StepStarted

        async def command(*, common: CommonParam = None, shell: ShellParam):
            async with shell.run(common) as run:
                run.emit(StepStarted(step="y", label="copying"))
                render_error(ServerError("it failed"), shell)
                time.sleep(0.8)
        """,
    )
    before, told, after = on_terminal(cli, "slow", NO_COLOR="1").partition("error: it failed\r\n")
    assert (told, after) == ("error: it failed\r\n", "")
    assert "copying" not in before.rpartition("\x1b[2K")[2]


@pytest.mark.parametrize("column", [1, 4000, 5001])
def test_of_a_very_long_line_the_place_is_shown(column) -> None:
    """The rows of a dump can be one line of megabytes; nobody wants that twice on the terminal."""
    line = "x" * (column - 1) + "!" + "x" * (5001 - column)
    error = SyntaxInvalid("syntax error", file="a.sql", line=2, column=column, source_line=line)
    _, shown, caret = error_lines(error)
    assert len(shown) < 260
    assert shown[caret.index("^")] == "!"


@pytest.mark.parametrize("column", [1, 4000, 5001])
def test_a_program_gets_the_place_of_a_very_long_line_too(column, capsys) -> None:
    """Megabytes of one row would fill its log; the keys say where the part is in the line."""
    line = "x" * (column - 1) + "!" + "x" * (5001 - column)
    shell = Shell()
    shell.format = "json"
    render_error(SyntaxInvalid("syntax error", file="a.sql", line=2, column=column, source_line=line), shell)
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["column"], len(error["source_line"])) == (column, 240)
    assert error["source_line"][column - error["source_column"]] == "!"


def test_an_error_shows_its_place_with_a_caret() -> None:
    """File, line, column; the line itself; the caret below the character, past tabs too."""
    error = SyntaxInvalid(
        "syntax error", file="db/schema/a.sql", line=7, column=4, source_line="\t\tsele 1",
        detail="one\ntwo", hint="mend it",
    )  # fmt: skip
    assert error_lines(error) == [
        "error: db/schema/a.sql:7:4: syntax error",
        "  7 | \t\tsele 1",
        "      \t\t ^",
        "  detail: one",
        "    two",
        "  hint: mend it",
    ]


def test_nobody_to_ask_is_a_refusal(cli) -> None:
    """A script must say --yes; on a terminal a plain Enter means no."""
    cli.command(
        "drops",
        """
        def command(*, yes: bool = False, shell: ShellParam):
            shell.confirm("drop it?", yes=yes, instead="everything would be lost")
            print("dropped")
        """,
    )
    done = cli("drops")
    assert done.returncode == 8
    assert "error: everything would be lost\n  hint: pass --yes" in done.stderr
    assert cli("drops", "--yes").stdout == "dropped\n"
    for answer, expected in (("y", "dropped"), ("", "nothing was touched")):
        child = pexpect.spawn(sys.executable, ["-m", "confiture", "drops"], cwd=str(cli.folder), env=cli.environment(),
                              encoding="utf-8", timeout=60)  # fmt: skip
        child.expect_exact("drop it? [y/N] ")
        child.sendline(answer)
        child.expect_exact(expected)
        child.expect(pexpect.EOF)
        child.close()


def test_ctrl_d_at_a_question_means_no_on_a_new_line(cli) -> None:
    """The error must not begin on the question's line."""
    cli.command(
        "drops",
        """
        def command(*, shell: ShellParam):
            shell.confirm("drop it?", yes=False, instead="everything would be lost")
        """,
    )
    child = pexpect.spawn(
        sys.executable, ["-m", "confiture", "drops"], cwd=str(cli.folder), env={**cli.environment(), "NO_COLOR": "1"},
        encoding="utf-8", timeout=60,
    )  # fmt: skip
    child.expect_exact("drop it? [y/N] ")
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    # The terminal itself shows the Ctrl-D as two characters and goes back over them.
    assert child.before.replace("^D\b\b", "").startswith("\r\nerror: you said no")
    assert child.exitstatus == 8


def test_ctrl_c_at_a_question_ends_it(cli) -> None:
    """In an async command the event loop hears of it only when the reading is over, which would be at Enter."""
    cli.command(
        "drops",
        """
        async def command(*, shell: ShellParam):
            shell.confirm("drop it?", yes=False, instead="everything would be lost")
        """,
    )
    child = pexpect.spawn(
        sys.executable, ["-m", "confiture", "drops"], cwd=str(cli.folder), env=cli.environment(),
        encoding="utf-8", timeout=60,
    )  # fmt: skip
    child.expect_exact("drop it? [y/N] ")
    child.sendintr()
    child.expect_exact("interrupted by Ctrl-C")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
