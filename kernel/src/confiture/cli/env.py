"""``confiture env``: the environments, where each is, and whether it can be reached."""

from __future__ import annotations

import os

import anyio
import msgspec

from confiture.cli.command import CommonParam, Shell, ShellParam
from confiture.cli.render import event_observers
from confiture.config.environment import Environment, choose_environment, environment_names, load_environment
from confiture.config.project import Project
from confiture.errors import ConfigError, ConfitureError
from confiture.hooks import SERVER
from confiture.kernel import Kernel
from confiture.redact import redact
from confiture.run import Run

__all__ = ["EnvReport", "EnvironmentRow", "env"]

#: Long enough for a server on another continent; all environments are asked at once.
_TIMEOUT_S = 3.0


class EnvironmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """One environment. ``state`` is ``running``, ``stopped``, ``unreachable`` or ``invalid`` (its file is wrong).

    ``stopped`` is a server of confiture's own, started when it is needed. ``address`` never holds a password.
    """

    name: str
    state: str
    server: str | None = None
    address: str | None = None
    protected: bool = False
    default: bool = False
    detail: str | None = None


class EnvReport(msgspec.Struct, frozen=True, kw_only=True):
    """The shape of ``--format json``. ``chosen_by`` says where the default comes from."""

    version: int = 1
    environments: tuple[EnvironmentRow, ...]
    default: str
    chosen_by: str


async def env(*, common: CommonParam = None, shell: ShellParam) -> EnvReport:
    """Show the environments and whether each can be reached.

    All are asked at once, for three seconds at most, and no server is started for it. With --env, --config or
    --database-url that one alone is shown.
    """
    shell.configure(common)
    project = Project.find(common.project if common else None)
    asked, default, chosen_by = _choose(project, common)
    with event_observers(shell, verbose=bool(common and common.verbose)) as observers:
        kernel = Kernel(project, observers=observers)
        # An environment is given, so that one whose file is wrong is a line of the answer rather than the end of it.
        async with kernel.run(environment=Environment(name=default)) as run:
            rows = await _ask_all(run, asked)
    rows = [msgspec.structs.replace(row, default=row.name == default) for row in rows]
    report = EnvReport(environments=tuple(rows), default=default, chosen_by=chosen_by)
    _tell(report, shell)
    return report


def _choose(project: Project, common: CommonParam) -> tuple[list[Environment | str], str, str]:
    """What to ask for, the default's name, and why it is the default."""
    given = {"env": common.env, "config": common.config, "database_url": common.database_url} if common else {}
    for option, value in given.items():
        if value is not None:
            chosen = choose_environment(project, **given)  # type: ignore[arg-type]
            return [chosen], chosen.name, f"named by --{option.replace('_', '-')}"
    default = os.environ.get("CONFITURE_ENV")
    names = environment_names(project)
    asked: list[Environment | str] = list(names)
    if default and default not in names:
        asked.append(default)
    return asked, default or "local", "CONFITURE_ENV says so" if default else "CONFITURE_ENV is not set"


async def _ask_all(run: Run, asked: list[Environment | str]) -> list[EnvironmentRow]:
    rows: dict[int, EnvironmentRow] = {}

    async def ask(index: int, what: Environment | str) -> None:
        rows[index] = await _row(run, what)

    async with anyio.create_task_group() as group:
        for index, what in enumerate(asked):
            group.start_soon(ask, index, what)
    return [rows[index] for index in range(len(asked))]


async def _row(run: Run, what: Environment | str) -> EnvironmentRow:
    try:
        environment = load_environment(run.project, what) if isinstance(what, str) else what
    except ConfitureError as error:
        name = what if isinstance(what, str) else what.name
        return EnvironmentRow(name=name, state="invalid", detail=redact(str(error), run.secrets))
    state, address, detail = "unreachable", None, None
    try:
        with anyio.fail_after(_TIMEOUT_S):
            status = await run.get(SERVER, environment.server_name).status(run, environment)
        state, address, detail = status.state, status.address, status.detail
    except TimeoutError:
        detail = f"no answer within {_TIMEOUT_S:g} s"
    except ConfigError as error:
        state, detail = "invalid", str(error)
    except ConfitureError as error:
        detail = str(error)
    except Exception as error:  # whatever a stranger's provider raises is one line here, not the end of the list
        detail = f"{type(error).__name__}: {error}"
    return EnvironmentRow(
        name=environment.name,
        state=state,
        server=environment.server_name,
        address=redact(address, run.secrets) if address else None,
        protected=environment.protected,
        detail=redact(detail, run.secrets) if detail else None,
    )


def _tell(report: EnvReport, shell: Shell) -> None:
    shell.print_table(
        ("", "NAME", "STATE", "SERVER", "ADDRESS", ""),
        [
            (
                "*" if row.default else "",
                row.name,
                row.state,
                row.server or "-",
                _short(row.address),
                "protected" if row.protected else "",
            )
            for row in report.environments
        ],
    )
    for row in report.environments:
        if row.detail and row.state not in ("running", "stopped"):
            shell.print(f"{row.name}: {row.detail}")
    shell.print()
    shell.print(f"* is used where none is named: {report.chosen_by}")


def _short(address: str | None) -> str:
    """A socket below the working folder by its relative path: the absolute one fills the line and says no more."""
    here = f"{os.getcwd()}/"  # noqa: PTH109 - compared as text
    return (address or "-").removeprefix(here)
