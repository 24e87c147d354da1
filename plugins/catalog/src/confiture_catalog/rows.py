"""The one shape that every family's query has, and the pieces of SQL that they share.

A row is one object. Its address is ``(classid, oid, subid)``, as in pg_depend; addresses name things only while the
catalogs are read. Its properties come as one JSON object, so that the rows of all kinds are alike.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["FIRST_USER_OID", "not_internal", "options", "regproc", "relation_identity", "select", "word"]

#: FirstNormalObjectId of access/transam.h: what initdb made is below.
FIRST_USER_OID = 16384


def select(
    alias: str,
    *,
    kind: str,
    name: str,
    source: str,
    schema: str | None = None,
    identity: str | None = None,
    owner: str | None = None,
    parent: tuple[str, str] | None = None,
    sub: str = "0",
    position: str = "NULL",
    properties: Mapping[str, str] | None = None,
    oid: str | None = None,
    catalog: str | None = None,
) -> str:
    """A SELECT of one kind. All arguments are SQL.

    ``alias`` is the catalog's alias in ``source`` (FROM's text, with its WHERE). ``owner`` is a role's OID, ``parent``
    the catalog and the OID of what the object is a part of. ``identity`` is, unless given, the qualified name.
    ``catalog`` is whose the OID is, where that is not ``alias``'s.
    Properties whose names begin with ``~`` are the object's state, and no difference.
    """
    if identity is None:
        identity = f"quote_ident({name})" if schema is None else f"quote_ident({schema}) || '.' || quote_ident({name})"
    parent_class, parent_oid = (
        (f"'pg_catalog.{parent[0]}'::regclass::oid", parent[1]) if parent else ("0::oid", "0::oid")
    )
    classid = f"'pg_catalog.{catalog}'::regclass::oid" if catalog else f"{alias}.tableoid"
    built = ", ".join(f"'{key}', {value}" for key, value in (properties or {}).items())
    return (
        f"SELECT {classid} AS classid, {oid or alias + '.oid'} AS oid, {sub}::int AS subid,"
        f" ({kind})::text AS kind,"
        f" {schema or 'NULL'}::text AS schema, ({name})::text AS name, ({identity})::text AS identity,"
        f" {f'quote_ident(pg_get_userbyid({owner}))' if owner else 'NULL'}::text AS owner,"
        f" {parent_class} AS parent_class, {parent_oid} AS parent_oid, {position}::int AS position,"
        f" json_strip_nulls(json_build_object({built}))::text AS properties FROM {source}"
    )


def word(expression: str, words: Mapping[str, str | None]) -> str:
    """A CASE that turns a catalog's letters into words; NULL for the default, the letter itself where it is new."""
    cases = " ".join(f"WHEN '{key}' THEN {_literal(value)}" for key, value in words.items())
    return f"CASE {expression}::text {cases} ELSE {expression}::text END"


def _literal(value: str | None) -> str:
    return f"'{value}'" if value else "NULL"


def regproc(expression: str) -> str:
    """The qualified name of a function whose arguments are given by what it is for; NULL for none.

    Also for what is in pg_catalog: a function of the user's may have its name.
    """
    return (
        f"(SELECT quote_ident(fn.nspname) || '.' || quote_ident(fp.proname) FROM pg_catalog.pg_proc fp"
        f" JOIN pg_catalog.pg_namespace fn ON fn.oid = fp.pronamespace WHERE fp.oid = ({expression})::oid)"
    )


def options(expression: str) -> str:
    """``name=value`` options, sorted: their order means nothing."""
    return f'(SELECT array_agg(o ORDER BY o COLLATE "C") FROM unnest({expression}) o)'


def relation_identity(expression: str) -> str:
    """The identity of the relation with that OID; NULL for none."""
    return f"(CASE WHEN ({expression}) <> 0 THEN ({expression})::regclass::text END)"


def not_internal(classname: str, oid: str) -> str:
    """A condition: the object is not a part that PostgreSQL made for another, such as a range's constructor."""
    return (
        f"NOT EXISTS (SELECT FROM pg_catalog.pg_depend internal"
        f" WHERE internal.classid = 'pg_catalog.{classname}'::regclass"
        f" AND internal.objid = {oid} AND internal.objsubid = 0 AND internal.deptype = 'i')"
    )
