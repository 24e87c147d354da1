"""Where a rule is compiled: the scope of a column, and of a part of its value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.errors import ConfigError
from confiture.masking.keys import NONCE_INNER, NONCE_OUTER
from confiture.masking.prf import INNER, OUTER, canonical_sql, number_sql, prf_sql
from confiture.masking.values import Bytes, MaskColumn, MaskTable, Rule, ValueType
from confiture.masking.wrapping import wrap
from confiture.model import Mask
from confiture.registry import closest

if TYPE_CHECKING:
    from confiture.masking.compiling import _Compiler

BLOCK_BYTES = 32
#: An alias in the query. The SQL of rules speaks of columns by their names: ours begin with what no one's do.
DRAWN = "confiture_drawn"


def unknown_column(rule: Rule, table: MaskTable, name: str) -> ConfigError:
    names = [column.name for column in table.columns]
    near = closest(name, names)
    hint = f"did you mean {near!r}? " if near else ""
    return rule.error(f"{table.label!r} has no column {name!r}", hint=f"{hint}the columns are: {', '.join(names)}")


class TableScope:
    """A :class:`confiture.masking.Scope`. One of a rule within a rule makes its bytes where its value is."""

    def __init__(
        self, compiler: _Compiler, rule: Rule, column: MaskColumn, value: str, owner: str | None = None, depth: int = 0
    ) -> None:
        self._compiler = compiler
        self._rule = rule
        self._column = column
        self._value = value
        self._owner = owner or column.name
        self._depth = depth
        self._inline: dict[str, str] = {}  # of a nested scope: SQL of 32 bytes: its name
        self._given: dict[tuple[str, str, int], str] = {}

    @property
    def column(self) -> MaskColumn:
        return self._column

    @property
    def table(self) -> MaskTable:
        return self._compiler.table

    @property
    def value(self) -> str:
        return self._value

    @property
    def text(self) -> str:
        return canonical_sql(self._value, self._column.type)

    def masked(self, column: str) -> str:
        self._find(column)
        if column not in self._compiler.rules:
            if column != self._owner:
                self._compiler.passes[self._owner].add(column)
            return self._compiler.raw(column)
        return self._compiler.masked(column)

    def mask_of(self, column: str) -> Mask | None:
        self._find(column)
        return self._compiler.compile_column(column) if column in self._compiler.rules else None

    def raw(self, column: str) -> str:
        self._find(column)
        if column != self._owner:
            self._compiler.reads[self._owner].add(column)
        return self._compiler.raw(column)

    def _find(self, name: str) -> MaskColumn:
        """Another column that the mask is to depend on."""
        found = self.table.column(name)
        if found is None:
            raise unknown_column(self._rule, self.table, name)
        if name != self._owner:
            self._alone(f"depends on {name!r}")
        return found

    def _alone(self, what: str) -> None:
        """Refuse it where a foreign key is at stake: the other side has another row."""
        if self._column.is_linked:
            raise self._rule.error(
                f"{self._column.label!r} is part of a foreign key, and a mask that {what} would part the two sides",
                hint="take what depends on the value alone, such as {hash} or fpe",
            )

    @property
    def _settings(self) -> tuple[str, str]:
        return (INNER, OUTER) if self._rule.deterministic else (NONCE_INNER, NONCE_OUTER)

    @property
    def _domain(self) -> str:
        return self._rule.domain or self._column.domain or self._column.label

    def bytes(self, size: int = 32, *, per: str = "value", draw: str = "") -> str:
        if not 1 <= size <= BLOCK_BYTES:
            raise ValueError(f"{size} bytes, and not 1 to {BLOCK_BYTES}")
        shared = self._rule.domain is not None or self._column.is_linked
        wanted = self._rule.per or ("value" if shared else per)
        if (wanted, draw, size) in self._given:
            return self._given[wanted, draw, size]
        if wanted == "row":
            self._alone("depends on the row")
        if wanted == "row" and self.table.primary_key and not self._depth:
            sql = self._compiler.row_bytes(size, self._settings)
        else:
            name = self._draw(*self._seed(wanted, draw))
            sql = name if size == BLOCK_BYTES else f"substr({name}, 1, {size})"
        self._given[wanted, draw, size] = sql
        return sql

    def _seed(self, per: str, draw: str) -> tuple[str, str, str]:
        """What the bytes depend on: domain, draw, SQL of the text."""
        if per in ("value", "row"):
            return self._domain, draw, self.text
        if self.table.column(per) is None:
            known = ["value", "row", *(column.name for column in self.table.columns)]
            near = closest(per, known)
            hint = f"did you mean {near!r}? " if near else ""
            raise self._rule.error(f"'per' names no column: {per!r}", hint=f"{hint}there are: {', '.join(known)}")
        other = self._find(per)
        domain = self._rule.domain or other.domain or other.label
        return domain, f"{self._rule.kind} {draw}".strip(), canonical_sql(self._compiler.raw(per), other.type)

    def _draw(self, domain: str, draw: str, text: str) -> str:
        inner, outer = self._settings
        sql = prf_sql(domain, draw, text, inner=inner, outer=outer)
        if not self._depth:
            return self._compiler.drawn(sql)
        return f"{DRAWN}_{self._depth}.{self._inline.setdefault(sql, f'confiture_h{len(self._inline)}')}"

    def number(self, *, per: str = "value", draw: str = "") -> str:
        return number_sql(self.bytes(8, per=per, draw=draw), self.table.version)

    def keyed(self, text: str, *, draw: str = "") -> str:
        inner, outer = self._settings
        return prf_sql(self._domain, draw, text, inner=inner, outer=outer)

    def join(self, relation: str) -> str:
        self._alone("depends on other rows")
        if not self.table.primary_key or self._depth:
            raise self._rule.error(
                f"{self._rule.kind!r} needs a table with a primary key, and no rule around it", hint="take another kind"
            )
        return self._compiler.joined(relation)

    def seed(self, label: str) -> Bytes:
        return self._compiler.key.prf("confiture seed", label, "")

    def compile(self, rule: Rule, value: str, type_: ValueType) -> Mask:
        column = msgspec.structs.replace(self._column, type=type_, not_null=False, default=None)
        outer = self._rule
        rule = msgspec.structs.replace(
            rule,
            domain=rule.domain or outer.domain,
            deterministic=rule.deterministic and outer.deterministic,
            file=rule.file or outer.file,
            line=rule.line or outer.line,
            path=rule.path or outer.path,
        )
        if rule.when is not None:
            raise rule.error("a rule within a rule has no 'when'")
        # Over the value itself, what is drawn is drawn with this scope's own; over another, where that one is.
        same = value == self._value
        scope = TableScope(self._compiler, rule, column, value, self._owner, self._depth + (not same))
        if same:
            scope._inline = self._inline
        mask = self._compiler.ask(rule, scope)
        if mask.function is not None or mask.omitted:
            raise rule.error(f"the kind {rule.kind!r} cannot stand within another rule")
        mask = wrap(mask, rule, column, value)
        if scope._inline and not same:
            drawn = ", ".join(f"{sql} AS {name}" for sql, name in scope._inline.items())
            alias = f"{DRAWN}_{self._depth + 1}"
            expression = f"(SELECT {mask.expression} FROM (SELECT {drawn} OFFSET 0) AS {alias})"
            mask = msgspec.structs.replace(mask, expression=expression)
        return mask
