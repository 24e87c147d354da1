"""What a command of a plugin is written with.

A command is a plain or async function; cyclopts reads its signature and docstring::

    from confiture.cli.command import CommonParam, ShellParam

    async def hello(name: str = "world", /, *, common: CommonParam = None, shell: ShellParam) -> HelloReport:
        \"\"\"Say hello.\"\"\"
        async with shell.run(common) as run:
            report = await run.start("hello", name=name)
        shell.print(f"hello, {report.name}")          # text only; nothing with --format json
        return report                                 # printed as JSON with --format json

Its plugin registers it with ``Command(name="hello", target="confiture_hello.commands:hello", summary="say hello")``.
What it raises is shown by the command line, with the error's exit code; it never exits by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from cyclopts import Group, Parameter

from confiture.cli.shell import Shell

__all__ = [
    "Common",
    "CommonParam",
    "CommonSql",
    "CommonSqlParam",
    "Format",
    "Output",
    "OutputParam",
    "ProjectOutput",
    "ProjectParam",
    "Shell",
    "ShellParam",
    "environments",
]

Format: TypeAlias = Literal["text", "json"]


def _environments(context: Any) -> list[str]:
    """What TAB offers after ``--env``: looks at file names only, so that it costs no import."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / "confiture.toml").is_file() or (folder / "db" / "schema").is_dir():
            found = (folder / "db" / "environments").glob("*")
            return sorted({"local", *(path.stem for path in found if path.suffix in (".toml", ".yaml", ".yml"))})
    return []


_ENVIRONMENT = Group("Environment", sort_key=10)
_OUTPUT = Group("Output", sort_key=20)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The options of a command that needs no project."""

    format: Annotated[Format, Parameter(name=["--format"], group=_OUTPUT)] = "text"
    """Output for a person or for a program."""

    verbose: Annotated[bool, Parameter(name=["--verbose", "-v"], negative="", group=_OUTPUT)] = False
    """Log every event to stderr."""

    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="", group=_OUTPUT)] = False
    """Print results and errors only."""

    debug: Annotated[bool, Parameter(name=["--debug"], negative="", group=_OUTPUT)] = False
    """Show tracebacks."""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Common(Output):
    """The options of every command that works in a project."""

    env: Annotated[
        str | None, Parameter(name=["--env"], metavar="NAME", group=_ENVIRONMENT, completer=_environments)
    ] = None
    """Environment, a file in db/environments/. [default: $CONFITURE_ENV, else local]"""

    config: Annotated[Path | None, Parameter(name=["--config", "-c"], metavar="FILE", group=_ENVIRONMENT)] = None
    """Environment file, as given or in db/environments/."""

    database_url: Annotated[str | None, Parameter(name=["--database-url"], metavar="URL", group=_ENVIRONMENT)] = None
    """Connection string: URI, keywords or service=NAME. Others on this machine can see it: no password here."""

    project: Annotated[Path | None, Parameter(name=["--project"], metavar="FOLDER", group=_ENVIRONMENT)] = None
    """The project's folder. [default: found from the working folder upwards]"""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectOutput(Output):
    """The options of a command that works in a project and has options of its own for its databases."""

    project: Annotated[Path | None, Parameter(name=["--project"], metavar="FOLDER", group=_OUTPUT)] = None
    """The project's folder. [default: found from the working folder upwards]"""


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class CommonSql(Common):
    """The common options of a command whose result can be SQL: :meth:`Shell.write` it where ``format`` is ``sql``."""

    # Wider than elsewhere on purpose: only such commands look at it.
    format: Annotated[
        Literal["text", "sql", "json"],
        Parameter(name=["--format"], group=_OUTPUT),
    ] = "text"  # type: ignore[assignment]
    """Output for a person, for psql, or for a program."""


#: The parameter that takes the common options: ``common: CommonParam = None``.
CommonParam: TypeAlias = Common | None
#: The same for a command whose result can be SQL: ``common: CommonSqlParam = None``.
CommonSqlParam: TypeAlias = CommonSql | None
#: The same for a command that needs no project: ``output: OutputParam = None``.
OutputParam: TypeAlias = Output | None
#: The same for a command whose databases have options of their own: ``common: ProjectParam = None``.
ProjectParam: TypeAlias = ProjectOutput | None
#: What TAB offers where an environment's name is expected: ``Parameter(completer=environments)``.
environments = _environments
#: The parameter that the command line fills in itself: ``shell: ShellParam``.
ShellParam: TypeAlias = Annotated[Shell, Parameter(parse=False)]
