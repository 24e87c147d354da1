"""What belongs to a database as a whole: its settings, grants and comment.

They hang on the database's OID. A rename keeps them; a clone (CREATE DATABASE ... TEMPLATE) does not, so they are
copied from the template to each clone. Statements that name the database, as ``ALTER DATABASE shop SET ...`` must,
are turned to the name under which it is being built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from confiture.model import Plan, Statement
from confiture.quoting import quote_ident, quote_literal

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["copy_settings", "name_database"]

#: The statements that name a database of their own; the grammar's node names.
_NAMING = frozenset({"AlterDatabaseSetStmt", "AlterDatabaseStmt", "GrantStmt", "CommentStmt", "AlterOwnerStmt"})

_SETTINGS = """
SELECT r.rolname, c.setting
  FROM pg_db_role_setting s
  LEFT JOIN pg_roles r ON r.oid = s.setrole
 CROSS JOIN LATERAL unnest(s.setconfig) WITH ORDINALITY AS c(setting, position)
 WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = $1)
 ORDER BY r.rolname NULLS FIRST, c.position
"""
_GRANTS = """
SELECT coalesce(quote_ident(g.rolname), 'PUBLIC') AS grantee, a.privilege_type, a.is_grantable
  FROM pg_database d CROSS JOIN LATERAL aclexplode(d.datacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
 WHERE d.datname = $1
 ORDER BY 1, 2
"""
_ABOUT = """
SELECT datacl IS NOT NULL AS has_grants, datconnlimit FROM pg_database WHERE datname = $1
"""
#: Settings whose value is a list of identifiers (GUC_LIST_QUOTE in guc_tables.c): quoted one by one already.
_LISTS = frozenset(
    {"local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries"}
    | {"temp_tablespaces", "unix_socket_directories"}
)


def name_database(plan: Plan, name: str) -> tuple[Plan, tuple[str, ...]]:
    """``plan`` with every statement about a database made about ``name``; and the other names that were there."""
    statements: list[Statement] = []
    others: set[str] = set()
    for statement in plan.statements:
        if statement.kind in _NAMING and "database" in statement.sql.lower():
            text, named = _rename(statement.sql, name)
            others |= named
            statement = msgspec.structs.replace(statement, sql=text)
        statements.append(statement)
    return msgspec.structs.replace(plan, statements=tuple(statements)), tuple(sorted(others - {name}))


def _rename(sql: str, name: str) -> tuple[str, set[str]]:
    import postgast

    tree = postgast.parse(sql)
    node = tree.stmts[0].stmt
    which = node.WhichOneof("node")
    inner: Any = getattr(node, which)
    pb: Any = postgast.pg_query_pb2
    named: set[str] = set()
    if which in ("alter_database_set_stmt", "alter_database_stmt"):
        named.add(inner.dbname)
        inner.dbname = name
    elif which == "grant_stmt" and inner.objtype == pb.OBJECT_DATABASE:
        named = {obj.string.sval for obj in inner.objects}
        del inner.objects[:]
        inner.objects.add().string.sval = name
    elif which in ("comment_stmt", "alter_owner_stmt"):
        type_ = inner.objtype if which == "comment_stmt" else inner.object_type
        if type_ != pb.OBJECT_DATABASE:
            return sql, set()
        named.add(inner.object.string.sval)
        inner.object.string.sval = name
    return (postgast.deparse(tree), named) if named else (sql, named)


async def copy_settings(connection: Connection, source: str, target: str, comment: str | None) -> None:
    """Give the database ``target`` the settings, grants and connection limit of ``source``, and ``comment``."""
    statements: list[str] = []
    to = quote_ident(target)
    for row in await connection.fetch(_SETTINGS, source):
        key, _, value = row["setting"].partition("=")
        shown = value if key in _LISTS and value else quote_literal(value)
        prefix = (
            f"ALTER ROLE {quote_ident(row['rolname'])} IN DATABASE {to}" if row["rolname"] else f"ALTER DATABASE {to}"
        )
        statements.append(f"{prefix} SET {_setting_name(key)} TO {shown}")
    about = await connection.fetchrow(_ABOUT, source)
    if about is not None and about["has_grants"]:
        statements.append(f"REVOKE ALL ON DATABASE {to} FROM PUBLIC")
        for row in await connection.fetch(_GRANTS, source):
            option = " WITH GRANT OPTION" if row["is_grantable"] else ""
            statements.append(f"GRANT {row['privilege_type']} ON DATABASE {to} TO {row['grantee']}{option}")
    if about is not None and about["datconnlimit"] >= 0:
        statements.append(f"ALTER DATABASE {to} CONNECTION LIMIT {about['datconnlimit']}")
    if comment is not None:
        statements.append(f"COMMENT ON DATABASE {to} IS {quote_literal(comment)}")
    if statements:
        await connection.execute(";\n".join(statements))


def _setting_name(key: str) -> str:
    return ".".join(quote_ident(part) for part in key.split("."))
