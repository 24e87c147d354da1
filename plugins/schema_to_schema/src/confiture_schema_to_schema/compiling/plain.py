"""An entry of the map without ``custom_sql``, or two tables of one name: which column gets what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from confiture.quoting import quote_ident
from confiture_schema_to_schema.compiling import trees
from confiture_schema_to_schema.compiling.drafts import Draft, Output
from confiture_schema_to_schema.compiling.naming import find_column, find_table, nearest
from confiture_schema_to_schema.compiling.relations import driving_columns, qualify
from confiture_schema_to_schema.values import TableMap

if TYPE_CHECKING:
    from confiture_schema_to_schema.compiling.naming import Findings
    from confiture_schema_to_schema.compiling.relations import Relations
    from confiture_schema_to_schema.compiling.ways import Way
    from confiture_schema_to_schema.values import Catalog, Column, LookupMap, Table

__all__ = ["plain_draft"]


def plain_draft(way: Way, old: Catalog, relations: Relations, findings: Findings) -> Draft:
    """What the entry says, and columns of one name where it says nothing."""
    return _Plain(way, old, relations, findings).draft


class _Plain:
    def __init__(self, way: Way, old: Catalog, relations: Relations, findings: Findings) -> None:
        self._entry = way.entry or TableMap(source=way.source.label)
        self._source = way.source
        self._target = way.target
        self._old = old
        self._relations = relations
        self._findings = findings
        self._outputs: dict[str, Output] = {}
        self._origins: dict[str, str] = {}  # which old column, or which default, filled the new one
        only = "ONLY " if way.source.only else ""
        tree = trees.select(f"SELECT FROM {only}{way.source.sql} AS {quote_ident(way.source.name)}")
        self.draft = Draft(way=way, tree=tree, source=way.source, alias=way.source.name)
        self._columns()
        self._defaults()
        self._same_names()
        self._joins()
        if self._entry.filter is not None and (node := self._expression(self._entry.filter, "filter")) is not None:
            trees.and_where(self.draft.tree, node)
        names = [column.name for column in way.target.columns]
        self.draft.outputs = sorted(self._outputs.values(), key=lambda output: names.index(output.column.name))
        trees.set_outputs(self.draft.tree, (output.node for output in self.draft.outputs))
        self._qualify()

    def _error(self, message: str, hint: str | None = None, check: str = "map") -> None:
        self._findings.error(check, self._source.label, message, hint=hint, entry=self._entry)

    # -- what was written --------------------------------------------------------------------------------------------

    def _columns(self) -> None:
        for written, column_map in self._entry.columns.items():
            if (old := self._old_column(written, "columns")) is None:
                continue
            self.draft.handled.add(old.name)
            if column_map is None:
                self.draft.dropped.add(old.name)
                continue
            if column_map.target is None:
                continue
            if (new := self._new_column(column_map.target, f"columns: {written}")) is None:
                continue
            if column_map.transform is None:
                self._fill(new, f"column {old.name!r}", trees.column(self._source.name, old.name), plain=old.name)
            elif (node := self._expression(column_map.transform, f"the transform of {written!r}")) is not None:
                self._fill(new, f"column {old.name!r}", node, plain=self._plain(node))
        for written in self._entry.drop:
            if (old := self._old_column(written, "drop")) is not None:
                self.draft.dropped.add(old.name)
                self.draft.handled.add(old.name)

    def _defaults(self) -> None:
        for written, sql in self._entry.defaults.items():
            new = self._new_column(written, "defaults")
            if new is not None and (node := self._expression(sql, f"the default of {written!r}")) is not None:
                self._fill(new, "a default", node, plain=self._plain(node))

    def _same_names(self) -> None:
        mentioned = self._mentioned()
        for column in self._source.columns:
            if column.name in self.draft.handled:
                continue
            new = self._target.column(column.name)
            if column.name in mentioned:
                self.draft.handled.add(column.name)
                if new is None or new.name in self._outputs:
                    continue
            if new is None or new.name in self._outputs:
                continue
            self.draft.handled.add(column.name)
            if not new.generated:
                node = trees.column(self._source.name, column.name)
                self._fill(new, f"column {column.name!r}", node, plain=column.name)

    def _mentioned(self) -> set[str]:
        """Columns that an expression takes up into a column."""
        nodes = [output.node for output in self._outputs.values()]
        return {reference.fields[-1].string.sval for node in nodes for reference in self._driving(node)}

    def _fill(self, column: Column, origin: str, node: Any, *, plain: str | None) -> None:
        if column.name in self._outputs:
            before = self._origins[column.name]
            self._error(
                f"{before} and {origin} of {self._source.label!r} both go into {column.name!r} of "
                f"{self._target.label!r}",
                hint="join them in one transform, and drop the other",
            )
            return
        self._origins[column.name] = origin
        self._outputs[column.name] = Output(column, node, plain, trees.literal_text(node))

    def _expression(self, sql: str, what: str) -> Any:
        try:
            node = trees.expression(sql)
        except trees.SqlError as error:
            self._error(f"{what}: {error.message}", hint=error.hint)
            self.draft.broken = True
            return None
        self.draft.written.append(node)
        return node

    def _plain(self, node: Any) -> str | None:
        """The driving table's column that an expression is and nothing more."""
        if node.WhichOneof("node") != "column_ref":
            return None
        found = list(self._driving(node))
        return found[0].fields[-1].string.sval if found else None

    def _driving(self, node: Any) -> Iterator[Any]:
        message = getattr(node, node.WhichOneof("node"))
        return driving_columns(message, self._source, self._source.name, self._old, self._relations)

    def _old_column(self, written: str, where: str) -> Column | None:
        column = find_column(self._source, written)
        if column is None:
            names = [each.name for each in self._source.columns]
            self._error(
                f"{where}: {self._source.label!r} of the old database has no column {written!r}",
                hint=nearest(written, names, f"it has: {', '.join(names)}"),
            )
        return column

    def _new_column(self, written: str, where: str) -> Column | None:
        column = find_column(self._target, written)
        if column is None:
            names = [each.name for each in self._target.columns]
            self._error(
                f"{where}: {self._target.label!r} of the new database has no column {written!r}",
                hint=nearest(written, names, f"it has: {', '.join(names)}"),
            )
        elif column.generated:
            self._error(
                f"{where}: column {column.name!r} of {self._target.label!r} is generated",
                hint="leave it out: the database computes it; drop the old column",
            )
            return None
        return column

    # -- joins -------------------------------------------------------------------------------------------------------

    def _joins(self) -> None:
        for name, lookup in self._entry.lookups.items():
            table = find_table(self._old, lookup.table)
            if table is None:
                self._error(
                    f"lookups: {name}: the old database has no table {lookup.table!r}",
                    hint=nearest(lookup.table, (each.name for each in self._old.tables.values()), "name a table of it"),
                )
                self.draft.broken = True
            elif name == self._source.name:
                self._error(f"lookups: {name!r} is the name of the table itself", hint="give the lookup another name")
                self.draft.broken = True
            else:
                self._join(name, lookup, table)

    def _join(self, name: str, lookup: LookupMap, table: Table) -> None:
        node = self._expression(lookup.on, f"lookups: {name}: 'on'")
        if node is None:
            return
        kind = "INNER" if lookup.join == "inner" else "LEFT"
        only = "ONLY " if table.only else ""
        join = trees.relation(f"a {kind} JOIN {only}{table.sql} AS {quote_ident(name)} ON true")
        join.join_expr.larg.CopyFrom(self.draft.tree.from_clause[0])
        join.join_expr.quals.CopyFrom(node)
        self.draft.tree.from_clause[0].CopyFrom(join)

    # -- names -------------------------------------------------------------------------------------------------------

    def _qualify(self) -> None:
        """Each relation with its schema; columns with their table, where a lookup may have one of that name."""
        if self._entry.columns or self._entry.defaults or self._entry.filter or self._entry.lookups:
            try:
                reads = qualify(self.draft.tree, self._relations)
            except trees.SqlError as error:
                self._error(error.message, hint=error.hint)
                self.draft.broken = True
                return
            others = [read.label for read in reads if not read.system]
            others.remove(self._source.label)
            self.draft.reads = list(dict.fromkeys(others))
        for reference in self._outer():
            if len(reference.fields) > 1 or self._entry.lookups:
                name = reference.fields[-1].string.sval
                reference.CopyFrom(trees.column(self._source.name, name).column_ref)
        for output, target in zip(self.draft.outputs, list(self.draft.tree.target_list), strict=True):
            output.node = trees.copied(target.res_target.val)
            if output.plain is not None and not self._entry.lookups:  # shorter to read in a plan
                output.node = trees.column(output.plain)

    def _outer(self) -> list[Any]:
        tree = self.draft.tree
        nodes = [target.res_target.val for target in tree.target_list]
        if tree.HasField("where_clause"):
            nodes.append(tree.where_clause)
        stack = list(tree.from_clause)
        while stack:
            item = stack.pop()
            if item.WhichOneof("node") == "join_expr":
                stack += [item.join_expr.larg, item.join_expr.rarg]
                nodes.append(item.join_expr.quals)
        return [reference for node in nodes for reference in self._driving(node)]
