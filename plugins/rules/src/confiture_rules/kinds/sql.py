"""``sql``: an expression of one's own, over the raw row."""

from __future__ import annotations

import msgspec

from confiture.masking import Rule, Scope
from confiture.masking.expressions import one_expression
from confiture.model import Mask
from confiture.sql.grammar import parse, string_values, walk

__all__ = ["Sql"]


class Options(msgspec.Struct, frozen=True):
    """``value`` is the expression."""

    value: str


class Sql:
    """``{sql: "left(name, 1) || '.'"}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """One expression, parsed as the server will; the columns that it reads are noted."""
        text = one_expression(rule.read(Options).value, rule)
        select = parse(f"SELECT (\n{text}\n)").stmts[0].stmt.select_stmt
        for node in walk(select):
            if type(node).__name__ == "ColumnRef":
                names = string_values([field for field in node.fields if field.WhichOneof("node") == "string"])
                if names and scope.table.column(names[-1]) is not None:
                    scope.raw(names[-1])
        return Mask(expression=f"{text}\n", nullable=False)
