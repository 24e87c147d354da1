"""What is known of the database when a statement comes: read from a schema, changed by the statements of a plan."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from confiture.model import Schema, SchemaObject
from confiture.quoting import quote_ident
from confiture.sql.effects.coming import Coming
from confiture.sql.grammar import GrammarError, parse, walk

__all__ = [
    "Column",
    "Constraint",
    "Known",
    "Relation",
    "dependents",
    "describe_index",
    "identity_of",
    "name_in",
    "read_index",
    "referring",
    "written",
]

_RELATIONS = frozenset(
    {"table", "foreign table", "view", "materialized view", "sequence", "index", "composite type", "statistics"}
)  # fmt: skip


@dataclass(slots=True)
class Column:
    """A column; ``type`` is SQL text, None where it is not known."""

    name: str
    type: str | None = None
    not_null: bool = False
    generated: str = ""
    #: Whether the plan itself has added it.
    created: bool = False
    #: What its default depends on: identities.
    uses: tuple[str, ...] = ()


@dataclass(slots=True)
class Constraint:
    """A constraint: ``type`` in the inspector's words, ``definition`` as it stands after ADD CONSTRAINT.

    ``node`` is the same where a statement of the plan has added it.
    """

    name: str
    type: str
    definition: str
    columns: tuple[str, ...] = ()
    references: str = ""
    valid: bool = True
    enforced: bool = True
    node: Any = None

    @property
    def held(self) -> str:
        """The table that has triggers for it, to be locked when it goes: none where it is not enforced."""
        return self.references if self.enforced else ""


@dataclass(slots=True, eq=False)
class Relation:
    """What has a name among tables. ``kind`` is "" where nobody knows it, ``created``: not there before the plan."""

    schema: str
    name: str
    identity: str
    kind: str = ""
    created: bool = False
    columns: dict[str, Column] = field(default_factory=dict)
    constraints: dict[str, Constraint] = field(default_factory=dict)
    parents: list[tuple[str, str]] = field(default_factory=list)
    #: Of an index: its table, its columns, whether it has these only, and what its expressions and condition name.
    table: tuple[str, str] | None = None
    keys: tuple[str, ...] = ()
    plain: bool = True
    mentioned: frozenset[str] = frozenset()
    unique: bool = False
    #: Of an index: its definition, as long as nobody has needed to know what is in it.
    unread: str = ""
    partition_key: str = ""
    partition_bound: str = ""
    access_method: str = "heap"
    unlogged: bool = False
    owned_by: str = ""
    #: Of a view: what its query reads.
    reads: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What it is found by."""
        return (self.schema, self.name)


@lru_cache(maxsize=4096)
def written(name: str) -> str:
    """The name as SQL text, quoted only where PostgreSQL's ``quote_ident`` does."""
    plain = name.isascii() and name.replace("_", "a").isalnum() and name == name.lower() and not name[:1].isdigit()
    if not plain:
        return quote_ident(name)
    import postgast

    tokens = postgast.scan(name).tokens
    return quote_ident(name) if len(tokens) != 1 or tokens[0].keyword_kind > 1 else name  # 1: unreserved keyword


def identity_of(schema: str, name: str) -> str:
    """A qualified name as SQL text."""
    return f"{written(schema)}.{written(name)}"


def bare(text: str) -> str:
    """An identifier that the server wrote, without its quotes."""
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


@lru_cache(maxsize=4096)
def name_in(text: str) -> tuple[str, str]:
    """Schema and name of a relation from its SQL text; ("", text) where it is none."""
    if '"' not in text and text.count(".") == 1:
        schema, _, name = text.partition(".")
        return (schema, name)
    try:
        target = parse(f"TABLE {text}").stmts[0].stmt.select_stmt.from_clause[0].range_var
    except (GrammarError, IndexError):
        return ("", text)
    return (target.schemaname, target.relname)


@lru_cache(maxsize=4096)
def owner_in(text: str) -> tuple[str, str]:
    """Schema and name of the table in a column's identity."""
    try:
        target = parse(f"TABLE {text}").stmts[0].stmt.select_stmt.from_clause[0].range_var
    except (GrammarError, IndexError):
        return ("", text)
    return (target.catalogname, target.schemaname)


class Known:
    """The database as it is when the next statement comes.

    ``complete`` is False where no schema was given: then what is not in ``created`` is taken to be there, with rows.
    """

    def __init__(self, before: Schema | None = None, created: Collection[str] = ()) -> None:
        self.complete = before is not None
        self.relations: dict[tuple[str, str], Relation] = {}
        self.enums: dict[tuple[str, str], tuple[str, ...]] = {}
        #: Domains: the type below, and whether a value is checked.
        self.domains: dict[tuple[str, str], tuple[str, bool]] = {}
        #: Domain constraints by domain and name, as they stand after ADD.
        self.domain_checks: dict[tuple[tuple[str, str], str], str] = {}
        self.made_types: set[tuple[str, str]] = set()
        self.made_schemas: set[str] = set()
        #: Types by the names that the plan gave them, and names of functions that are new.
        self.renamed_types: set[tuple[str, str]] = set()
        self.made_functions: set[str] = set()
        self.coming = Coming()
        self.volatile: dict[str, str] = {}
        self._sequences: dict[tuple[str, str], Relation] = {}
        self._by_name: dict[str, list[tuple[str, str]]] = {}
        self._below: dict[tuple[str, str], list[Relation]] = {}
        self._indexes: dict[tuple[str, str], list[Relation]] = {}
        self._made = {name_in(name) for name in created}
        if before is not None:
            self._read(before)

    def _read(self, before: Schema) -> None:
        tables: dict[str, Relation] = {}
        parts: list[SchemaObject] = []
        for each in before.objects:
            kind, schema = each.kind, each.schema or ""
            if kind in _RELATIONS:
                found = Relation(schema, each.name, each.identity, kind)
                _read_relation(found, each)
                self.add(found)
                if kind not in ("index", "statistics"):
                    tables[each.identity] = found
            elif kind in ("column", "constraint", "default", "attribute"):
                parts.append(each)
            elif kind == "enum":
                self.enums[(schema, each.name)] = _texts(each.properties.get("labels"))
            elif kind == "domain":
                properties = each.properties
                key = (schema, each.name)
                checked = bool(properties.get("not_null")) or self.domains.get(key, ("", False))[1]
                self.domains[key] = (str(properties.get("type", "")), checked)
            elif kind == "domain constraint" and each.parent is not None:
                # Sorted by kind: the domains came before.
                domain = (schema, name_in(each.parent.identity)[1])
                self.domains[domain] = (self.domains.get(domain, ("", True))[0], True)
                self.domain_checks[(domain, each.name)] = str(each.properties.get("definition", ""))
            elif kind == "function":
                self.volatile[each.name] = str(each.properties.get("volatility", "volatile"))
        # Columns first, in their order: constraints and defaults speak of them.
        for each in sorted(parts, key=lambda one: (one.kind not in ("column", "attribute"), one.position or 0)):
            if each.parent is not None and (owner := tables.get(each.parent.identity)) is not None:
                _read_part(owner, each)

    def add(self, relation: Relation) -> None:
        """It is there from now on."""
        self.remove(relation)
        if relation.kind == "sequence":
            self._sequences[relation.key] = relation
        self._by_name.setdefault(relation.name, []).append(relation.key)
        self.relations[relation.key] = relation
        for key in relation.parents:
            self._below.setdefault(key, []).append(relation)
        if relation.table is not None:
            self._indexes.setdefault(relation.table, []).append(relation)

    def remove(self, relation: Relation) -> None:
        """It is gone."""
        if self.relations.get(relation.key) is not relation:
            return
        del self.relations[relation.key]
        self._sequences.pop(relation.key, None)
        self._by_name[relation.name].remove(relation.key)
        for key in relation.parents:
            self._below[key].remove(relation)
        if relation.table is not None:
            self._indexes[relation.table].remove(relation)

    def rename(self, relation: Relation, schema: str, name: str) -> None:
        """It has another name from now on; what refers to it follows."""
        old = relation.key
        below, indexes = list(self._below.get(old, ())), list(self._indexes.get(old, ()))
        for one in (relation, *below, *indexes):
            self.remove(one)
        previous = relation.identity
        relation.schema, relation.name, relation.identity = schema, name, identity_of(schema, name)
        for one in below:
            one.parents = [relation.key if key == old else key for key in one.parents]
        for one in indexes:
            one.table = relation.key
            if one.schema != schema:
                one.schema, one.identity = schema, identity_of(schema, one.name)
        for one in (relation, *below, *indexes):
            self.add(one)
        for other in self.relations.values():
            for constraint in other.constraints.values():
                if constraint.references == previous:
                    constraint.references = relation.identity

    def find(self, schema: str, name: str) -> Relation | None:
        """The relation of that name, else None; without a schema the one in ``public``, else the only one."""
        if schema:
            return self.relations.get((schema, name))
        keys = self._by_name.get(name, ())
        if ("public", name) in keys:
            return self.relations[("public", name)]
        return self.relations[next(iter(keys))] if len(keys) == 1 else None

    def is_name(self, name: str) -> bool:
        """Whether any schema has a relation of that name."""
        return bool(self._by_name.get(name))

    def relation(self, schema: str, name: str) -> Relation:
        """The same; of what nobody knows, a relation without columns that is taken to be there."""
        found = self.find(schema, name)
        if found is None:
            made = bool({(schema, name), ("", name) if schema in ("", "public") else (schema, name)} & self._made)
            made = made or (not schema and ("public", name) in self._made)
            found = Relation(schema or "public", name, identity_of(schema or "public", name), created=made)
        return found

    def made(self, schema: str, name: str) -> bool:
        """Whether the plan itself has made a type of that name."""
        return any(key[1] == name and schema in ("", key[0]) for key in self.made_types)

    def renamed(self, schema: str, name: str) -> bool:
        """Whether the plan itself has given a type that name: whoever used the old one was told then."""
        return (schema or "public", name) in self.renamed_types

    def replaced(self, index: Relation) -> bool:
        """Whether another index is there that the plan gives this one's name later."""
        name = self.coming.index_for(index.schema, index.name)
        return name is not None and name != index.name and (index.schema, name) in self.relations

    def named(self, node: Any) -> Relation:
        """The relation that a ``RangeVar`` names; temporary ones are nobody's trouble."""
        if node.relpersistence == "t" or node.schemaname == "pg_temp":
            return Relation("pg_temp", node.relname, identity_of("pg_temp", node.relname), created=True)
        return self.relation(node.schemaname, node.relname)

    def at(self, identity: str) -> Relation:
        """The relation of that SQL text."""
        return self.relation(*name_in(identity))

    def below(self, relation: Relation) -> list[Relation]:
        """Its partitions and children, all the way down."""
        found: list[Relation] = []
        level = [relation]
        while level:
            level = [below for one in level for below in self._below.get(one.key, ())]
            level = [one for one in level if one.kind != "index" and one not in found]
            found += level
        return found

    def indexes(self, relation: Relation) -> list[Relation]:
        """Its indexes."""
        return [read_index(one) for one in self._indexes.get(relation.key, ()) if one.kind == "index"]

    def owned(self, relation: Relation) -> list[Relation]:
        """Sequences that belong to its columns."""
        start = f"{relation.identity}."
        return [one for one in self._sequences.values() if one.owned_by.startswith(start)]

    def users_of_type(self, schema: str, name: str) -> Iterator[tuple[Relation, Column]]:
        """Columns of tables of that type, or of arrays of it."""
        for one in self.relations.values():
            if one.kind not in ("table", "foreign table", "materialized view"):
                continue
            for column in one.columns.values():
                if column.type is not None and _is_of(column.type, schema, name):
                    yield one, column


def _is_of(text: str, schema: str, name: str) -> bool:
    found = name_in(text.removesuffix("[]")) if "(" not in text and " " not in text else ("", "")
    return found[1] == name and (not schema or found[0] in ("", schema))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, tuple | list) else ()


def _read_relation(found: Relation, each: SchemaObject) -> None:
    properties = each.properties
    if each.kind == "index":
        found.table = name_in(str(properties.get("table", "")))
        found.unique = bool(properties.get("unique"))
        found.unread = str(properties.get("definition", ""))
        return
    if each.kind == "statistics":
        found.table = name_in(str(properties.get("table", "")))
        return
    if above := properties.get("partition_of"):
        found.parents.append(name_in(str(above)))
    found.parents += [name_in(one) for one in _texts(properties.get("inherits"))]
    found.partition_key = str(properties.get("partition_key") or "")
    found.partition_bound = str(properties.get("partition_bound") or "")
    found.access_method = str(properties.get("access_method") or "heap")
    found.unlogged = bool(properties.get("unlogged"))
    found.owned_by = str(properties.get("owned_by") or "")
    if each.kind in ("view", "materialized view"):
        needs = (need.identity for need in each.needs if need.kind in _RELATIONS and need.identity != each.identity)
        of_columns = (need.identity for need in each.needs if need.kind == "column")
        found.reads = (*map(name_in, needs), *map(owner_in, of_columns))


def read_index(found: Relation) -> Relation:
    """The index with its columns: thousands are known, and few are asked for."""
    definition, found.unread = found.unread, ""
    if definition:
        try:
            describe_index(found, parse(definition).stmts[0].stmt.index_stmt)
        except (GrammarError, IndexError):
            found.plain = False
    return found


def describe_index(found: Relation, node: Any) -> None:
    """Take an index's columns from its ``IndexStmt``."""
    elements = [item.index_elem for item in node.index_params]
    found.unique = node.unique
    found.keys = tuple(element.name for element in elements if element.name)
    found.plain = not node.HasField("where_clause") and len(found.keys) == len(elements)
    if not found.plain:
        refs = (each for each in walk(node) if type(each).__name__ == "ColumnRef")
        found.mentioned = frozenset(found.keys) | {each.fields[-1].string.sval for each in refs}


def _read_part(owner: Relation, each: SchemaObject) -> None:
    properties = each.properties
    if each.kind in ("column", "attribute"):
        owner.columns[each.name] = Column(
            each.name,
            str(properties["type"]) if "type" in properties else None,
            bool(properties.get("not_null")),
            str(properties.get("generated") or ""),
        )
    elif each.kind == "default":
        owner.columns.setdefault(each.name, Column(each.name)).uses = tuple(need.identity for need in each.needs)
    else:
        owner.constraints[each.name] = Constraint(
            each.name,
            str(properties.get("type", "")),
            str(properties.get("definition", "")),
            tuple(bare(one) for one in _texts(properties.get("columns"))),
            str(properties.get("references") or ""),
            not properties.get("not_valid") and not properties.get("not_enforced"),
            not properties.get("not_enforced"),
        )


def dependents(known: Known, relation: Relation) -> Iterator[Relation]:
    """Views that read it, and those that read these."""
    seen = {relation.key}
    level = {relation.key}
    while level:
        views = [
            one for one in known.relations.values() if one.reads and level & set(one.reads) and one.key not in seen
        ]
        yield from views
        level = {one.key for one in views}
        seen |= level


def referring(known: Known, relation: Relation) -> Iterator[Relation]:
    """Tables with a foreign key to it."""
    for other in known.relations.values():
        if any(one.references == relation.identity for one in other.constraints.values()):
            yield other
