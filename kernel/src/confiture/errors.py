"""What can go wrong, as one tree. Every leaf has a stable ``code`` and an exit code.

::

    ConfitureError                     exit  code
    ├── InternalError                     1  internal            a defect of confiture or of a plugin
    ├── UsageError                        2  usage               the command line asks for nonsense
    ├── ConfigError                       3  config              a configuration file is wrong
    │   ├── ProjectNotFound               3  project-not-found
    │   └── UnknownEnvironment            3  unknown-environment
    ├── PluginError                       4  plugin
    │   ├── PluginBroken                  4  plugin-broken       a plugin cannot be loaded or used
    │   ├── ProviderConflict              4  provider-conflict   two providers of one name
    │   └── UnknownProvider               4  unknown-provider
    ├── DatabaseConnectionError           5  connection
    │   ├── ServerUnreachable             5  server-unreachable
    │   ├── AuthenticationFailed          5  authentication-failed
    │   ├── DatabaseNotFound              5  database-not-found
    │   └── ConnectionLost                5  connection-lost     it was there, and went away
    ├── SourceError                       6  source              a source file cannot be used
    │   ├── SourceUnreadable              6  source-unreadable
    │   ├── SyntaxInvalid                 6  syntax-invalid
    │   ├── UnsupportedScript             6  unsupported-script  transaction control, psql commands...
    │   └── DependencyError               6  dependency          an order that no sorting can mend
    ├── ExecutionError                    7  execution
    │   ├── StatementFailed               7  statement-failed
    │   ├── RoleMissing                   7  role-missing
    │   ├── FeatureMissing                7  feature-missing     the server lacks an extension, ICU...
    │   ├── DiskFull                      7  disk-full
    │   ├── CaptureBroken                 7  capture-broken      changes of a table may not have been told
    │   └── OutcomeUnknown                7  outcome-unknown     a statement was begun, and nobody saw it end
    ├── Refused                           8  refused             nothing was touched
    │   ├── DatabaseNotEmpty              8  database-not-empty
    │   ├── EnvironmentProtected          8  environment-protected
    │   ├── ConfirmationNeeded            8  confirmation-needed
    │   ├── DecisionsNeeded               8  decisions-needed    a rename, or a drop and something new?
    │   ├── ProofFailed                   8  proof-failed        a plan does not lead to the wanted schema
    │   ├── HistoryConflict               8  history-conflict    the migration files do not fit the history
    │   ├── DataLossRefused               8  data-loss           data would be lost, and nobody said that it may
    │   ├── DriftFound                    8  drift               what a migration touches was changed by others
    │   ├── Irreversible                  8  irreversible        a migration has no way back
    │   └── PermissionMissing             8  permission-missing
    ├── Busy                              9  busy                another run holds the lock
    ├── ServerError                      10  server              a server could not be started or stopped
    └── Interrupted                     130  interrupted         Ctrl-C or SIGTERM

Messages are lower case, without a full stop, and name the object in quotes; the file and line stand first
(:attr:`ConfitureError.where`), the hint says what to do. No message holds a connection string or a secret:
:func:`confiture.redact.redact` has been over whatever came from a driver.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "AuthenticationFailed",
    "Busy",
    "CaptureBroken",
    "ConfigError",
    "ConfirmationNeeded",
    "ConfitureError",
    "ConnectionLost",
    "DataLossRefused",
    "DatabaseConnectionError",
    "DatabaseNotEmpty",
    "DatabaseNotFound",
    "DecisionsNeeded",
    "DependencyError",
    "DiskFull",
    "DriftFound",
    "EnvironmentProtected",
    "ExecutionError",
    "FeatureMissing",
    "HistoryConflict",
    "InternalError",
    "Interrupted",
    "Irreversible",
    "OutcomeUnknown",
    "PermissionMissing",
    "PluginBroken",
    "PluginError",
    "ProjectNotFound",
    "ProofFailed",
    "ProviderConflict",
    "Refused",
    "RoleMissing",
    "ServerError",
    "ServerUnreachable",
    "SourceError",
    "SourceUnreadable",
    "StatementFailed",
    "SyntaxInvalid",
    "UnknownEnvironment",
    "UnknownProvider",
    "UnsupportedScript",
    "UsageError",
]


class ConfitureError(Exception):
    """The base of everything confiture raises on purpose. Catch it to catch them all.

    ``hint`` says what to do. ``file``, ``line`` and ``column`` (both from 1; columns count characters) say where,
    ``source_line`` is the text of that line. ``detail`` holds further lines, such as PostgreSQL's own DETAIL.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        source_line: str | None = None,
        detail: str | None = None,
        sqlstate: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.file = file
        self.line = line
        self.column = column
        self.source_line = source_line
        self.detail = detail
        self.sqlstate = sqlstate

    @property
    def where(self) -> str | None:
        """``file:line:column`` as far as they are known, else None."""
        if self.file is None:
            return None
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message

    def as_dict(self) -> dict[str, Any]:
        """The error as JSON types: the envelope of ``--format json``. Absent fields are left out."""
        fields = {
            "code": self.code,
            "exit_code": self.exit_code,
            "message": self.message,
            "hint": self.hint,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "source_line": self.source_line,
            "detail": self.detail,
            "sqlstate": self.sqlstate,
        }
        return {key: value for key, value in fields.items() if value is not None}


class InternalError(ConfitureError):
    """A defect: run again with ``--debug`` and report the traceback."""

    code = "internal"
    exit_code = 1


class UsageError(ConfitureError):
    """The options contradict each other or cannot be understood: see ``--help`` of the command."""

    code = "usage"
    exit_code = 2


class ConfigError(ConfitureError):
    """A configuration file is missing, unreadable or says something unknown: mend the file that is named."""

    code = "config"
    exit_code = 3


class ProjectNotFound(ConfigError):
    """No folder here or above has ``confiture.toml`` or ``db/schema/``: go to one, or run ``confiture init``."""

    code = "project-not-found"


class UnknownEnvironment(ConfigError):
    """No environment of that name is configured: choose one of those listed, or write its file."""

    code = "unknown-environment"


class PluginError(ConfitureError):
    """Something about a plugin: ``confiture plugins`` shows all of them and why one was set aside."""

    code = "plugin"
    exit_code = 4


class PluginBroken(PluginError):
    """A plugin could not be loaded, or breaks its contract: mend, update or disable it."""

    code = "plugin-broken"


class ProviderConflict(PluginError):
    """Two plugins offer the same name: choose one under ``[prefer]`` in ``confiture.toml``."""

    code = "provider-conflict"


class UnknownProvider(PluginError):
    """No plugin offers that name: choose one of those listed, or install the plugin that has it."""

    code = "unknown-provider"


class DatabaseConnectionError(ConfitureError):
    """A connection to PostgreSQL could not be made or kept."""

    code = "connection"
    exit_code = 5


class ServerUnreachable(DatabaseConnectionError):
    """Nothing answers there: check that the server runs and that host and port are right."""

    code = "server-unreachable"


class AuthenticationFailed(DatabaseConnectionError):
    """The server refused the role or its password: check them and ``pg_hba.conf``."""

    code = "authentication-failed"


class DatabaseNotFound(DatabaseConnectionError):
    """The server has no such database: create it, or name another."""

    code = "database-not-found"


class ConnectionLost(DatabaseConnectionError):
    """The connection ended in the middle of the work: see the server's log, then run again."""

    code = "connection-lost"


class SourceError(ConfitureError):
    """The schema's sources cannot be used as they are: mend the file that is named."""

    code = "source"
    exit_code = 6


class SourceUnreadable(SourceError):
    """A file or folder is missing, unreadable, not UTF-8, changed while it was read, or a loop of links."""

    code = "source-unreadable"


class SyntaxInvalid(SourceError):
    """A file is not valid SQL by itself: mend the place that the caret shows."""

    code = "syntax-invalid"


class UnsupportedScript(SourceError):
    """A file holds what a schema cannot: transaction control, or a psql command that cannot be honoured."""

    code = "unsupported-script"


class DependencyError(SourceError):
    """The statements need each other in a circle that no order resolves: break it by hand."""

    code = "dependency"


class ExecutionError(ConfitureError):
    """PostgreSQL refused something while it ran."""

    code = "execution"
    exit_code = 7


class StatementFailed(ExecutionError):
    """A statement failed; what ran before it in the same run was taken back."""

    code = "statement-failed"


class RoleMissing(ExecutionError):
    """The schema names a role that the server lacks: create it there first."""

    code = "role-missing"


class FeatureMissing(ExecutionError):
    """The server lacks an extension or a build option that the schema needs: use a server that has it."""

    code = "feature-missing"


class DiskFull(ExecutionError):
    """The server, or this machine, has no space left on a disk: make room, then run again."""

    code = "disk-full"


class CaptureBroken(ExecutionError):
    """What tells of a table's changes is missing, disabled or out of date: some of them may not have been told.

    ``partitions``: nothing but that partitions of it came or went, so that to install the capture again is enough.
    """

    code = "capture-broken"

    def __init__(self, message: str, *, partitions: bool = False, **values: Any) -> None:
        super().__init__(message, **values)
        self.partitions = partitions


class OutcomeUnknown(ExecutionError):
    """A statement outside of a transaction was begun, and nobody saw it end: look, then ``migrate repair``."""

    code = "outcome-unknown"


class Refused(ConfitureError):
    """Confiture will not do this; nothing was touched."""

    code = "refused"
    exit_code = 8


class DatabaseNotEmpty(Refused):
    """The database already has objects: use migrations, an empty one, or ``--recreate``."""

    code = "database-not-empty"


class EnvironmentProtected(Refused):
    """The environment is marked ``protected``: such a step is never done to it."""

    code = "environment-protected"


class ConfirmationNeeded(Refused):
    """Somebody must say that it is meant, and nobody can be asked: pass ``--yes``, or ``--confirm`` with the name."""

    code = "confirmation-needed"


class DecisionsNeeded(Refused):
    """What is gone may have got another name: decide with ``--rename`` or ``--drop``, or a hint in the DDL."""

    code = "decisions-needed"
    #: The :class:`confiture.model.Question` objects, for whoever can ask.
    questions: tuple[Any, ...] = ()


class ProofFailed(Refused):
    """The plan was tried and does not lead to the wanted schema: a defect, or an object that cannot be compared."""

    code = "proof-failed"


class HistoryConflict(Refused):
    """Files and history do not fit: an applied one was edited or is gone, one is out of order, a number is missing."""

    code = "history-conflict"


class DataLossRefused(Refused):
    """Data would be lost: pass ``--allow-data-loss``, or declare it in the migration (``loses_data``)."""

    code = "data-loss"


class DriftFound(Refused):
    """What a migration touches is not as the last run left it: undo that, or pass ``--ignore-drift``."""

    code = "drift"


class Irreversible(Refused):
    """The migration, or a table of it, has no way back: write a ``down``, accept the loss by name, or go forward."""

    code = "irreversible"


class PermissionMissing(Refused):
    """The role may not do this: grant it what the message names, or use another role."""

    code = "permission-missing"


class Busy(ConfitureError):
    """Another run is at work on the same thing: wait for it, or stop it."""

    code = "busy"
    exit_code = 9


class ServerError(ConfitureError):
    """A server that confiture manages could not be started, stopped or found: see the log that is named."""

    code = "server"
    exit_code = 10


class Interrupted(ConfitureError):
    """Ctrl-C or SIGTERM: the work was stopped and taken back."""

    code = "interrupted"
    exit_code = 130
