"""What a mask kind is given: the rule, the column and its table, and the scope that its SQL lives in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import msgspec

from confiture.config.reading import convert
from confiture.errors import ConfigError
from confiture.model import Mask
from confiture.quoting import quote_ident
from confiture.registry import closest

__all__ = ["MaskColumn", "MaskTable", "Rule", "Scope", "ValueType"]

S = TypeVar("S", bound=msgspec.Struct)
#: ``Scope.bytes`` hides the name below it.
Bytes: TypeAlias = bytes


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wrote for a column. ``kind`` names the provider, ``options`` are its own keys.

    ``file``, ``line`` and ``path`` (``anonymize.users.email``) say where it was written. The keys that all kinds have:
    ``when``: SQL over the raw row; where it is not true, the value is kept. ``on_null`` and ``on_empty``: what becomes
    of NULL and of the empty string. ``domain``: columns of one domain give equal values equal masks. ``per``: what the
    drawn bytes depend on: ``value``, ``row``, or the name of another column; None: as the kind has it.
    ``deterministic`` False: other values in each run. ``unique``: ``require`` a mask that keeps values apart, or
    ``allow_loss`` of that on a unique column. ``too_long``: what becomes of text that its column cannot hold.
    """

    kind: str
    options: Mapping[str, Any] = {}
    file: str | None = None
    line: int | None = None
    path: str = ""
    when: str | None = None
    on_null: Literal["keep", "mask", "error"] = "keep"
    on_empty: Literal["mask", "keep", "null"] = "mask"
    domain: str | None = None
    per: str | None = None
    deterministic: bool = True
    unique: Literal["auto", "require", "allow_loss"] = "auto"
    too_long: Literal["error", "truncate"] = "error"
    reason: str | None = None

    def error(self, message: str, *, hint: str | None = None, position: int | None = None) -> ConfigError:
        """An error to raise, which says where the rule is. ``position`` is an offset in the rule's own text."""
        if position is not None:
            message += f" at character {position + 1}"
        prefix = f"{self.path!r}: " if self.path else ""
        return ConfigError(f"{prefix}{message}", hint=hint, file=self.file, line=self.line)

    def read(self, type_: type[S]) -> S:
        """The options as a msgspec struct. Raises ``ConfigError`` with the nearest key for one that it has not.

        ``${NAME}`` is no reference to the environment here: templates and patterns have such signs of their own.
        """
        known = {field.encode_name for field in msgspec.structs.fields(type_)}
        for key in self.options:
            if key not in known:
                near = closest(key, [*known, *COMMON_KEYS])
                keys = f"the keys are: {', '.join(sorted(known)) or 'none'}; all kinds have: {', '.join(COMMON_KEYS)}"
                hint = f"did you mean {near!r}? {keys}" if near else keys
                where = f"{self.path}.{key}" if self.path else key
                raise ConfigError(f"unknown key {where!r}", hint=hint, file=self.file, line=self.line)
        try:
            return convert(self.options, type_, file=self.file or "", section=self.path, references=False)
        except ConfigError as error:
            raise ConfigError(error.message, hint=error.hint, file=self.file, line=self.line) from None


#: The keys that the rules of every kind have.
COMMON_KEYS = tuple(sorted(set(Rule.__struct_fields__) - {"kind", "options", "file", "line", "path"}))


class ValueType(msgspec.Struct, frozen=True, kw_only=True):
    """A type of values. ``sql`` is its name as SQL, qualified, and never with a length: a cast to that truncates.

    ``name`` and ``category`` are pg_type's ``typname`` and ``typcategory``, of a domain's base type. ``shown`` is how
    messages name the column's own type. ``length`` is that of ``varchar(n)`` and ``char(n)``; ``precision`` and
    ``scale`` are of ``numeric(p,s)``. ``labels`` are an enumeration's, ``element`` the type of an array's elements.
    """

    sql: str
    name: str
    category: str
    shown: str = ""
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    labels: tuple[str, ...] = ()
    element: ValueType | None = None

    @property
    def is_text(self) -> bool:
        """Whether values are text: text, varchar, char, citext, name."""
        return self.category == "S" or self.name == "citext"

    @property
    def is_integer(self) -> bool:
        """Whether values are whole numbers."""
        return self.name in ("int2", "int4", "int8")


class MaskColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the source. ``default`` is SQL, ``references`` the schema, table and column of a foreign key.

    ``referenced``: a foreign key, of whatever table, leads to it.

    ``domain`` is the name under which equal values get equal masks: that of the column which it references at the end
    of all foreign keys, so that parent and child still match; else its own.
    """

    schema: str
    table: str
    name: str
    type: ValueType
    not_null: bool = False
    default: str | None = None
    generated: bool = False
    references: tuple[str, str, str] | None = None
    referenced: bool = False
    domain: str = ""

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"{self.schema}.{self.table}.{self.name}"

    @property
    def is_linked(self) -> bool:
        """Whether equal values of other tables must become equal: its mask may depend on nothing but the value."""
        return self.referenced or self.references is not None


class MaskTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the source. ``unique`` are the columns of each unique index, the primary key first if there is one.

    ``rows`` is an estimate. ``expressions`` are unique indexes over expressions, which nothing is proved about.
    ``only``: other tables inherit from it, and their rows are theirs. ``version`` is the server's major version.
    """

    schema: str
    name: str
    columns: tuple[MaskColumn, ...]
    primary_key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    expressions: tuple[str, ...] = ()
    rows: int = 0
    only: bool = False
    version: int = 18

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """Its name in SQL."""
        return f"{quote_ident(self.schema)}.{quote_ident(self.name)}"

    def column(self, name: str) -> MaskColumn | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)


class Scope(Protocol):
    """Where a rule is compiled: what its SQL may speak of. All names it gives hold for one row of the source."""

    @property
    def column(self) -> MaskColumn:
        """The column that is masked; for a rule within a rule, a part of its value, with the part's type."""
        ...

    @property
    def table(self) -> MaskTable:
        """Its table, with the other columns."""
        ...

    @property
    def value(self) -> str:
        """SQL of the raw value, of its own type."""
        ...

    @property
    def text(self) -> str:
        """SQL of the raw value as text, in the same form whatever the session's settings are."""
        ...

    def masked(self, column: str) -> str:
        """SQL of another column after its own rule. Raises ``ConfigError`` for a name or a circle of rules."""
        ...

    def mask_of(self, column: str) -> Mask | None:
        """What the other column's rule promises; None for a column without a rule."""
        ...

    def raw(self, column: str) -> str:
        """SQL of another column as it is, which is noted: see ``MaskedTable.reads``."""
        ...

    def bytes(self, size: int = 32, *, per: str = "value", draw: str = "") -> str:
        """SQL of ``size`` bytes (at most 32) that nobody without the key can foretell, made once a row.

        They depend on the domain, on ``draw`` and on the raw value; where the rule has no domain of its own and the
        column no foreign key, ``per="row"`` lets them depend on the row alone, which is cheaper. The rule's key ``per``
        wins. Each ``draw`` gives other bytes.
        """
        ...

    def number(self, *, per: str = "value", draw: str = "") -> str:
        """SQL of a bigint from 0 to 2^63 - 1, made of eight such bytes."""
        ...

    def keyed(self, text: str, *, draw: str = "") -> str:
        """SQL of the 32 bytes for any SQL text, computed where it stands: for a few uses in a row, not for many."""
        ...

    def join(self, relation: str) -> str:
        """The name of ``relation``, SQL of a subquery, which is joined to the row by the primary key.

        It has one row for each row of the table that it speaks of, its key in ``confiture_key_0`` and so on. The names
        of its other columns begin with ``confiture_`` too, so that none is a column's of the table. Raises
        ``ConfigError`` for a table without a key, and where a foreign key is at stake.
        """
        ...

    def seed(self, label: str) -> Bytes:
        """Bytes for what is drawn before the query runs, such as a pool of names: the key's, so that runs agree."""
        ...

    def compile(self, rule: Rule, value: str, type_: ValueType) -> Mask:
        """The mask of a rule within this rule, over the SQL ``value`` of type ``type_``."""
        ...
