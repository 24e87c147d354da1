"""The rules of a table become one SELECT: each drawn byte is made once a row, each mask after those that it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import UnknownProvider
from confiture.masking._scope import BLOCK_BYTES, DRAWN, TableScope, unknown_column
from confiture.masking.checking import check_masks
from confiture.masking.expressions import columns_of
from confiture.masking.keys import MaskingKey
from confiture.masking.prf import row_sql
from confiture.masking.values import MaskTable, Rule, ValueType
from confiture.masking.wrapping import wrap
from confiture.model import Mask
from confiture.quoting import quote_ident

if TYPE_CHECKING:
    from confiture.protocols import Anonymizer

__all__ = ["MaskedTable", "compile_masks"]

#: Aliases, with numbers. Columns have such names too: rules speak of theirs without the table's name.
_MASKED = "confiture_masked"
_JOINED = "confiture_joined"
#: Kinds that are known, and in which distribution they are.
_ELSEWHERE = {"faker": "confiture-mask-faker"}


class MaskedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table's masks, put together. ``columns`` are those that are copied: no generated ones, none with ``default``.

    ``query`` selects them, masked, from the source; its condition is added by :meth:`where`, and :meth:`of` reads a
    part of the table. ``around`` is its text before and after the relation. ``whole``: a mask looks at all rows at
    once, so that a query for each part of the table would do so each time. ``masks`` are those whose function runs in
    the client, for the transfer engine: the SQL of all others is in the query. ``rules`` and ``compiled`` are by
    column. ``reads`` are the columns whose raw values are in other columns' masks, ``passes`` those that other masks
    have in them and that have no rule, and ``kept`` those that leave as they are.
    """

    table: MaskTable
    columns: tuple[str, ...]
    query: str
    around: tuple[str, str] = ("", "")
    whole: bool = False
    masks: tuple[Mask, ...] = ()
    rules: Mapping[str, Rule] = {}
    compiled: Mapping[str, Mask] = {}
    reads: Mapping[str, tuple[str, ...]] = {}
    passes: Mapping[str, tuple[str, ...]] = {}
    kept: tuple[str, ...] = ()

    def where(self, condition: str) -> str:
        """The query for the rows for which ``condition`` (SQL over the raw row) is true."""
        return f"{self.query}\nWHERE ({condition}\n)"

    def of(self, relation: str, *conditions: str) -> str:
        """The query for those rows of ``relation`` for which all ``conditions`` are true.

        ``relation`` is SQL text for FROM: the table itself (``ONLY public.users``) or one of its partitions, as
        ``confiture.transfer.Chunk`` names them. It goes by the table's name in the query.
        """
        before, after = self.around
        conditions = conditions or ("true",)
        return f"{before}{relation}{after}\nWHERE " + "\n  AND ".join(f"({each}\n)" for each in conditions)


def compile_masks(
    get: Callable[[str], Anonymizer],
    table: MaskTable,
    rules: Mapping[str, Rule],
    key: MaskingKey,
    *,
    target: MaskTable | None = None,
    check: bool = True,
    nulled: Mapping[str, str] | None = None,
) -> MaskedTable:
    """Compile all rules of a table. ``get`` finds a kind: ``lambda name: ctx.get(ANONYMIZER, name)``.

    ``target`` is the table that takes the rows, and ``check`` whether :func:`check_masks` has its say. ``nulled`` is
    SQL over the raw row by column; where it is not true, the column is NULL whatever its mask says, as foreign keys
    must be whose parents are not copied. The query needs ``key.settings`` set in its session. Raises ``ConfigError``,
    which says where the rule is.
    """
    for name, rule in rules.items():
        column = table.column(name)
        if column is None:
            raise unknown_column(rule, table, name)
        if column.generated:
            raise rule.error(
                f"{column.label!r} is a generated column, which is not copied",
                hint="mask the columns that it is made of",
            )
    compiler = _Compiler(get, table, rules, key, nulled or {})
    compiled = {name: compiler.compile_column(name) for name in rules}
    for name in compiled.keys() & compiler.nulled.keys():
        if compiled[name].function is not None:  # it would be asked for a mask of NULL
            raise rules[name].error(
                "the foreign key is cut, and its mask is made in the client",
                hint="take a kind that is made on the source, or copy the parents",
            )
    if check:
        for error in check_masks(table, rules, list(compiled.values()), target):
            raise error
    columns = tuple(
        column.name
        for column in table.columns
        if not column.generated and not (column.name in compiled and compiled[column.name].omitted)
    )
    relation = f"{'ONLY ' if table.only else ''}{table.sql}"
    kept = [name for name in columns if name not in rules or rules[name].kind == "keep" or rules[name].when]
    return MaskedTable(
        table=table,
        columns=columns,
        query=relation.join(around := compiler.query(columns, compiled)),
        around=around,
        whole=bool(compiler.joined_relations),
        masks=tuple(
            msgspec.structs.replace(mask, expression="") for mask in compiled.values() if mask.function is not None
        ),
        rules=rules,
        compiled=compiled,
        reads={name: tuple(sorted(found)) for name, found in sorted(compiler.reads.items()) if found},
        passes={name: tuple(sorted(found)) for name, found in sorted(compiler.passes.items()) if found},
        kept=tuple(kept),
    )


class _Compiler:
    """One table's rules on their way into a query."""

    def __init__(
        self,
        get: Callable[[str], Anonymizer],
        table: MaskTable,
        rules: Mapping[str, Rule],
        key: MaskingKey,
        nulled: Mapping[str, str],
    ) -> None:
        self.get = get
        self.table = table
        self.rules = rules
        self.key = key
        self.nulled = nulled
        self.reads: dict[str, set[str]] = {name: set() for name in rules}
        self.passes: dict[str, set[str]] = {name: set() for name in rules}
        self._compiled: dict[str, Mask] = {}
        self._stack: list[str] = []
        self._drawn: dict[str, str] = {}  # SQL of 32 bytes: its name
        self._layers: dict[str, str] = {}  # a column whose mask others read: the name of what it has become
        self.joined_relations: dict[str, str] = {}
        self._row_used: dict[str, int] = {}  # by the pair of settings, how many bytes of the row's are given away

    def compile_column(self, name: str) -> Mask:
        if name in self._compiled:
            return self._compiled[name]
        rule = self.rules[name]
        if name in self._stack:
            circle = [*self._stack[self._stack.index(name) :], name]
            raise rule.error(
                f"the rules wait for each other: {' -> '.join(circle)}", hint="read the original: {raw.column}"
            )
        column = self.table.column(name)
        assert column is not None
        if rule.when is not None and column.is_linked:
            raise rule.error(
                f"{column.label!r} is part of a foreign key, and a rule with 'when' would part the two sides",
                hint="mask all rows",
            )
        if rule.when is not None:
            columns_of(rule.when, rule, self.table, "'when'")
        self._stack.append(name)
        try:
            scope = TableScope(self, rule, column, self.raw(name))
            mask = self.ask(rule, scope)
            mask = msgspec.structs.replace(wrap(mask, rule, column, scope.value), column=name)
            if rule.per not in (None, "value", "row") and (rule.per,) not in self.table.unique:
                # Rows that are alike in that column draw alike.
                mask = msgspec.structs.replace(mask, uniqueness="lossy")
        finally:
            self._stack.pop()
        self._compiled[name] = mask
        return mask

    def ask(self, rule: Rule, scope: TableScope) -> Mask:
        """What the kind's provider makes of the rule."""
        try:
            provider = self.get(rule.kind)
        except UnknownProvider as error:
            package = _ELSEWHERE.get(rule.kind)
            hint = f"pip install {package}" if package else error.hint
            raise rule.error(f"there is no kind {rule.kind!r}", hint=hint) from None
        return provider.compile(rule, scope)

    def raw(self, name: str) -> str:
        return f"{quote_ident(self.table.name)}.{quote_ident(name)}"

    def masked(self, name: str) -> str:
        """The column after its rule, which is put into a layer of its own: others read it, and it is computed once."""
        if name not in self._layers:
            mask = self.compile_column(name)
            if mask.function is not None or mask.omitted:
                raise self.rules[name].error("the value is not made on the source, so that no other column can read it")
            self._layers[name] = f"{_MASKED}_{len(self._layers)}"
        return f"{self._layers[name]}.confiture_value"

    def drawn(self, sql: str) -> str:
        """The name of 32 bytes that are made once a row."""
        name = self._drawn.setdefault(sql, f"confiture_h{len(self._drawn)}")
        return f"{DRAWN}.{name}"

    def joined(self, relation: str) -> str:
        """The name of a relation that is joined by the primary key."""
        return self.joined_relations.setdefault(relation, f"{_JOINED}_{len(self.joined_relations)}")

    def row_bytes(self, size: int, settings: tuple[str, str]) -> str:
        """Bytes of the row's own: each is given away once."""
        used = self._row_used.get(settings[0], 0)
        if used % BLOCK_BYTES + size > BLOCK_BYTES:
            used += BLOCK_BYTES - used % BLOCK_BYTES
        self._row_used[settings[0]] = used + size
        block, offset = divmod(used, BLOCK_BYTES)
        name = self.drawn(row_sql(self.table.label, block, self._row_key(), inner=settings[0], outer=settings[1]))
        return name if size == BLOCK_BYTES else f"substr({name}, {offset + 1}, {size})"

    def _row_key(self) -> list[tuple[str, ValueType]]:
        columns = [(name, self.table.column(name)) for name in self.table.primary_key]
        return [(self.raw(name), column.type) for name, column in columns if column is not None]

    def query(self, columns: Sequence[str], compiled: Mapping[str, Mask]) -> tuple[str, str]:
        """The query, before and after the relation that it reads."""
        outputs = []
        for name in columns:
            if name in self._layers:
                sql = f"{self._layers[name]}.confiture_value"
            else:
                sql = (compiled[name].expression if name in compiled else "") or self.raw(name)
            if name in self.nulled:
                sql = f"CASE WHEN ({self.nulled[name]}\n) THEN {sql} END"
            outputs.append(f"{sql} AS {quote_ident(name)}")
        before = "SELECT " + ",\n       ".join(outputs) + "\nFROM "
        lines = [f" AS {quote_ident(self.table.name)}"]
        for relation, alias in self.joined_relations.items():
            keys = [(f"{alias}.confiture_key_{i}", self.raw(name)) for i, name in enumerate(self.table.primary_key)]
            lines.append(f"LEFT JOIN ({relation}) AS {alias} ON {' AND '.join(f'{a} = {b}' for a, b in keys)}")
        # OFFSET 0: without it the planner would put the expression wherever its name stands, and compute it each time.
        if self._drawn:
            drawn = ",\n       ".join(f"{sql} AS {name}" for sql, name in self._drawn.items())
            lines.append(f"CROSS JOIN LATERAL (SELECT {drawn} OFFSET 0) AS {DRAWN}")
        for name in self._compiled:  # in the order in which they were done: what a mask reads stands before it
            if name in self._layers:
                sql = self._compiled[name].expression
                lines.append(f"CROSS JOIN LATERAL (SELECT {sql} AS confiture_value OFFSET 0) AS {self._layers[name]}")
        return before, "\n".join(lines)
