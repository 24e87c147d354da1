"""A cutover or a rollback from the terminal: asked for, followed, told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from cyclopts import Group, Parameter

from confiture.cli.units import span
from confiture.errors import UsageError
from confiture.hooks import SWITCH
from confiture.model import Event, StepFinished, StepStarted
from confiture_schema_to_schema.commands.again import command
from confiture_schema_to_schema.commands.options import at_least, sides
from confiture_schema_to_schema.model import StatusRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from confiture.cli.command import ProjectOutput
    from confiture.cli.shell import Shell
    from confiture_schema_to_schema.commands.options import Databases
    from confiture_schema_to_schema.model import CutoverReport, CutoverRequest, RollbackRequest, StatusReport

__all__ = ["CROSSING", "MaxSeconds", "SwitchCommand", "SwitchName", "Yes", "cross", "crossing_request"]

#: Where their options are, in the help.
CROSSING = Group("Cutover", sort_key=7)


def _switches(context: Any) -> list[str]:
    """What TAB offers after ``--switch``: those of every plugin that is installed."""
    from confiture.registry import Registry

    return ["none", *Registry().names(SWITCH)]


#: For how long writers may wait.
MaxSeconds: TypeAlias = Annotated[float, Parameter(metavar="S", group=CROSSING)]
#: Who leads the applications over.
SwitchName: TypeAlias = Annotated[str, Parameter(name="--switch", metavar="NAME", group=CROSSING, completer=_switches)]
SwitchCommand: TypeAlias = Annotated[str | None, Parameter(name="--command", metavar="COMMAND", group=CROSSING)]
#: Nobody is asked.
Yes: TypeAlias = Annotated[bool, Parameter(name=["--yes", "-y"], negative="")]


def crossing_request(
    type_: type[CutoverRequest],
    databases: Databases | None,
    *,
    max_seconds: float,
    switch: str,
    switch_command: str | None,
) -> CutoverRequest:
    """What the options ask for. Raises ``UsageError`` for what means nothing."""
    at_least(max_seconds, 0, "--max-seconds")
    for option, value in (("--switch", switch), ("--command", switch_command)):
        if value == "":
            raise UsageError(f"{option} has an empty value", hint="give it one, or leave the option out")
    if switch_command is not None and switch == "none":
        switch = "command"
    return type_(**sides(databases), max_seconds=max_seconds, switch=switch, command=switch_command)


async def cross(
    shell: Shell,
    common: ProjectOutput | None,
    phase: str,
    request: CutoverRequest | RollbackRequest,
    *,
    question: str,
    yes: bool,
) -> CutoverReport:
    """Ask on a terminal, run the medium of ``phase``, and show its report.

    ``question`` names ``{old}`` and ``{new}``.
    """
    from confiture_schema_to_schema.commands.rendering.crossed import crossed_lines

    async with shell.run(common, anywhere=True, observers=[_teller(shell, f"schema-to-schema.{phase}.")]) as run:
        if shell.interactive and not yes:
            if request.switch != "none":
                run.get(SWITCH, request.switch)  # nobody is asked about what cannot be done
            asked = StatusRequest(source=request.source, target=request.target)
            status: StatusReport = await run.start("schema-to-schema-status", asked)
            if status.phase != "none":  # it says what is there
                named = question.format(old=status.source, new=status.target)
                shell.confirm(named, yes=False, instead=f"start the {phase}")
        # Wherever it is stopped, this says which side is live, and ends it.
        shell.left_behind = f"to end what was begun: {command('resume', request, common)}"
        report: CutoverReport = await run.start(f"schema-to-schema-{phase}", request)
    shell.left_behind = None
    for line in crossed_lines(report, phase, lambda next_: command(next_, request, common)):
        shell.print(line)
    return report


def _teller(shell: Shell, steps: str) -> Callable[[Event], None]:
    """A line a step, where there are no bars: what happens in these seconds is read afterwards."""
    labels: dict[str, str] = {}

    def tell(event: Event) -> None:
        if isinstance(event, StepStarted) and event.step.startswith(steps):
            labels[event.step] = event.label
        elif isinstance(event, StepFinished) and event.step in labels and shell.bars is None:
            shell.note(f"{labels[event.step]}: {span(event.seconds)}")

    return tell
