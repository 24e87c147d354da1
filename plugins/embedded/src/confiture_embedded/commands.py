"""``confiture server start|stop|status|url|psql``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from confiture.cli.command import CommonParam, ShellParam
from confiture.config import Environment
from confiture.config.dsn import to_uri
from confiture.errors import Refused
from confiture.hooks import SERVER
from confiture.model import ServerStatus
from confiture_embedded.binaries import find
from confiture_embedded.psql import become_psql, chooses_its_own, refuse_unbuilt
from confiture_embedded.server import SCRATCH, configured_bin_dir

if TYPE_CHECKING:
    from confiture.run import Run

_SCRATCH_HELP = "The user's scratch server, shared by all projects, instead of the environment's."
_ARGUMENTS_HELP = "For psql, after `--`: `confiture server psql -- -c 'select 1'`."
ScratchParam = Annotated[bool, Parameter(name=["--scratch"], negative="", help=_SCRATCH_HELP)]
PsqlParam = Annotated[str, Parameter(allow_leading_hyphen=True, help=_ARGUMENTS_HELP)]


async def start(*, scratch: ScratchParam = False, common: CommonParam = None, shell: ShellParam) -> ServerStatus:
    """Start the environment's server, or leave it running."""
    async with shell.run(common) as run:
        environment = _managed(run, scratch)
        server = run.get(SERVER, environment.server_name)
        await server.acquire(run, environment)
        status = await server.status(run, environment)
    shell.print_table(("server", environment.name), _rows(status))
    return status


async def stop(*, scratch: ScratchParam = False, common: CommonParam = None, shell: ShellParam) -> ServerStatus:
    """Stop the environment's server; its data stays."""
    async with shell.run(common) as run:
        environment = _managed(run, scratch)
        server = run.get(SERVER, environment.server_name)
        stopped = await server.stop(run, environment)
        status = await server.status(run, environment)
    shell.print("stopped" if stopped else "it was not running")
    return status


async def status(*, scratch: ScratchParam = False, common: CommonParam = None, shell: ShellParam) -> ServerStatus:
    """Show where the environment's server is, since when it runs and how big it is. Starts nothing."""
    async with shell.run(common) as run:
        environment = _chosen(run, scratch)
        found = await run.get(SERVER, environment.server_name).status(run, environment)
    shell.print_table(("server", environment.name), _rows(found))
    return found


async def url(*, scratch: ScratchParam = False, common: CommonParam = None, shell: ShellParam) -> str:
    """Print a connection URI of the environment's database for psql and other programs, without a password."""
    async with shell.run(common) as run:
        target = await run.target(_chosen(run, scratch))
    uri = to_uri(target.params)
    shell.print(uri)
    return uri


async def psql(
    *arguments: PsqlParam,
    scratch: ScratchParam = False,
    common: CommonParam = None,
    shell: ShellParam,
) -> None:
    """Open psql on the environment's database."""
    async with shell.run(common) as run:
        target = await run.target(_chosen(run, scratch))
        program = find(configured_bin_dir(run)).program("psql")
    if target.managed and not chooses_its_own(arguments):
        refuse_unbuilt(program, target)
    become_psql(program, arguments, target.params)


def _chosen(run: Run, scratch: bool) -> Environment:
    return Environment(name=SCRATCH, server="embedded") if scratch else run.environment


def _managed(run: Run, scratch: bool) -> Environment:
    environment = _chosen(run, scratch)
    if environment.server_name == "url":
        raise Refused(
            f"the server of {environment.name!r} is not confiture's to start or stop: it has a database_url",
            hint="start or stop it by its own means, or leave database_url out to use the embedded server",
        )
    return environment


def _rows(status: ServerStatus) -> list[tuple[str, str]]:
    rows = [
        ("state", status.state),
        ("address", status.address),
        ("version", status.version),
        ("data", status.data),
        ("size", None if status.size_bytes is None else f"{status.size_bytes / 1e6:.1f} MB"),
        ("process", None if status.pid is None else str(status.pid)),
        ("since", status.since),
        ("stops itself", None if status.idle_minutes is None else f"after {status.idle_minutes:g} idle minutes"),
        ("detail", status.detail),
    ]
    return [(name, value) for name, value in rows if value]
