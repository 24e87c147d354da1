"""What is said of objects of every kind, by address: comments, grants, labels, memberships and dependencies."""

from __future__ import annotations

from confiture_catalog.rows import FIRST_USER_OID
from confiture_catalog.schemas import PUBLIC_SCHEMA_OID

__all__ = ["COMMENTS", "DEPENDENCIES", "FOLDED", "GRANTS", "IDENTIFY", "LABELS", "LARGE_OBJECTS"]

#: classid, oid, subid, comment.
COMMENTS = (
    "SELECT classoid, objoid, objsubid, description FROM pg_catalog.pg_description WHERE ("
    f"objoid >= {FIRST_USER_OID} OR (objoid = {PUBLIC_SCHEMA_OID} AND classoid = 'pg_catalog.pg_namespace'::regclass))"
    # What an extension says of itself comes with CREATE EXTENSION. CASE: control files are read only if there is one.
    " AND CASE WHEN classoid = 'pg_catalog.pg_extension'::regclass THEN (objoid, description) NOT IN (SELECT e.oid,"
    " a.comment FROM pg_catalog.pg_extension e JOIN pg_available_extensions() a ON a.name = e.extname"
    " WHERE a.comment IS NOT NULL) ELSE true END"
)

#: classid, oid, subid, label.
LABELS = (
    "SELECT classoid, objoid, objsubid, provider || ': ' || label FROM pg_catalog.pg_seclabel"
    ' ORDER BY provider COLLATE "C"'
)

#: classid, oid, subid, refclassid, refoid, refsubid, deptype. Plain rows: resolving them here costs four times more.
DEPENDENCIES = (
    "SELECT classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype::text FROM pg_catalog.pg_depend"
    f" WHERE objid >= {FIRST_USER_OID}"
)

LARGE_OBJECTS = "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata"

#: What has an address of its own and is a part of another object: classid, oid, refclassid, refoid, refsubid.
FOLDED = f"""
SELECT tableoid AS classid, oid AS oid, 'pg_catalog.pg_class'::regclass::oid AS refclassid, adrelid AS refoid,
    adnum::int AS refsubid FROM pg_catalog.pg_attrdef WHERE oid >= {FIRST_USER_OID}
UNION ALL SELECT r.tableoid, r.oid, 'pg_catalog.pg_class'::regclass, r.ev_class, 0 FROM pg_catalog.pg_rewrite r
    JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
    WHERE r.oid >= {FIRST_USER_OID} AND r.rulename = '_RETURN' AND c.relkind IN ('v', 'm')
UNION ALL SELECT tableoid, oid, 'pg_catalog.pg_constraint'::regclass, tgconstraint, 0 FROM pg_catalog.pg_trigger
    WHERE oid >= {FIRST_USER_OID} AND tgisinternal AND tgconstraint <> 0
UNION ALL SELECT k.tableoid, k.oid, t.tableoid, t.oid, 0 FROM pg_catalog.pg_constraint k
    JOIN pg_catalog.pg_trigger t ON t.tgconstraint = k.oid WHERE k.contype = 't'
UNION ALL SELECT x.tableoid, x.indexrelid, x.tableoid, x.indrelid, 0 FROM (
    SELECT c.tableoid, i.indexrelid, i.indrelid
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
    WHERE c.relkind = 't' AND c.oid >= {FIRST_USER_OID}) x
UNION ALL SELECT t.tableoid, t.oid, 'pg_catalog.pg_class'::regclass, t.typrelid, 0 FROM pg_catalog.pg_type t
    WHERE t.oid >= {FIRST_USER_OID} AND t.typrelid <> 0
UNION ALL SELECT t.tableoid, t.oid, t.tableoid, e.oid, 0 FROM pg_catalog.pg_type e
    JOIN pg_catalog.pg_type t ON t.oid = e.typarray WHERE t.oid >= {FIRST_USER_OID}
UNION ALL SELECT tableoid, oid, 'pg_catalog.pg_publication'::regclass, prpubid, 0 FROM pg_catalog.pg_publication_rel
UNION ALL SELECT tableoid, oid, 'pg_catalog.pg_publication'::regclass, pnpubid, 0
    FROM pg_catalog.pg_publication_namespace
UNION ALL SELECT tableoid, oid, 'pg_catalog.pg_opfamily'::regclass, amopfamily, 0 FROM pg_catalog.pg_amop
    WHERE oid >= {FIRST_USER_OID}
UNION ALL SELECT tableoid, oid, 'pg_catalog.pg_opfamily'::regclass, amprocfamily, 0 FROM pg_catalog.pg_amproc
    WHERE oid >= {FIRST_USER_OID}
UNION ALL SELECT tableoid, oid, 'pg_catalog.pg_type'::regclass, enumtypid, 0 FROM pg_catalog.pg_enum
    WHERE oid >= {FIRST_USER_OID}
"""

_RELATION_LETTER = "CASE c.relkind WHEN 'S' THEN 's'::\"char\" ELSE 'r' END"
#: Every catalog with privileges: its columns, and the letter that acldefault wants.
#: The last: a condition on what initdb made; information_schema's has privileges that nobody noted.
_PRIVILEGED = (
    ("pg_class", "c.relacl", "c.relowner", _RELATION_LETTER, "c.relnamespace = 11"),
    ("pg_proc", "c.proacl", "c.proowner", "'f'", "c.pronamespace = 11"),
    ("pg_type", "c.typacl", "c.typowner", "'T'", "c.typnamespace = 11"),
    ("pg_namespace", "c.nspacl", "c.nspowner", "'n'", f"c.oid IN (11, {PUBLIC_SCHEMA_OID})"),
    ("pg_language", "c.lanacl", "c.lanowner", "'l'", "true"),
    ("pg_foreign_data_wrapper", "c.fdwacl", "c.fdwowner", "'F'", "true"),
    ("pg_foreign_server", "c.srvacl", "c.srvowner", "'S'", "true"),
)


def _acls() -> str:
    """Each object's list, and the list that it is compared with.

    What initdb or an extension made is compared with what that gave it; public is the user's, so with the default.
    """
    parts = [
        f"SELECT c.tableoid AS classid, c.oid AS oid, 0 AS subid, {owner} AS owner, {acl} AS acl,"
        f" coalesce(i.initprivs, acldefault({letter}, {owner})) AS base FROM pg_catalog.{catalog} c"
        f" LEFT JOIN pg_catalog.pg_init_privs i ON i.classoid = c.tableoid AND i.objoid = c.oid AND i.objsubid = 0"
        f" AND c.oid <> {PUBLIC_SCHEMA_OID} WHERE {acl} IS NOT NULL AND (c.oid >= {FIRST_USER_OID} OR {ours})"
        for catalog, acl, owner, letter, ours in _PRIVILEGED
    ]
    parts.append(
        "SELECT 'pg_catalog.pg_class'::regclass::oid, a.attrelid, a.attnum, c.relowner, a.attacl,"
        " coalesce(i.initprivs, acldefault('c', c.relowner)) FROM pg_catalog.pg_attribute a"
        " JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
        " LEFT JOIN pg_catalog.pg_init_privs i ON i.classoid = 'pg_catalog.pg_class'::regclass"
        " AND i.objoid = a.attrelid AND i.objsubid = a.attnum WHERE a.attacl IS NOT NULL AND NOT a.attisdropped"
        f" AND (c.oid >= {FIRST_USER_OID} OR c.relnamespace = 11)"
    )
    # Those for a schema are added to what a role gives everywhere; the others replace PostgreSQL's own.
    parts.append(
        "SELECT d.tableoid, d.oid, 0, d.defaclrole, d.defaclacl, CASE WHEN d.defaclnamespace = 0 THEN"
        " acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's'::\"char\" ELSE d.defaclobjtype END, d.defaclrole)"
        " ELSE acldefault('c', d.defaclrole) END FROM pg_catalog.pg_default_acl d"
    )
    return " UNION ALL ".join(parts)


_ROLE = "CASE WHEN {0} = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid({0})) END"

#: classid, oid, subid, grantee, privilege, grantable, grantor (NULL: the owner), of the default list or not.
GRANTS = (
    f"WITH acls AS ({_acls()}) SELECT acls.classid, acls.oid, acls.subid::int, {_ROLE.format('g.grantee')},"
    " g.privilege_type, g.is_grantable,"
    " CASE WHEN g.grantor <> acls.owner THEN quote_ident(pg_get_userbyid(g.grantor)) END,"
    " g.base FROM acls, LATERAL (SELECT false AS base, * FROM aclexplode(acls.acl)"
    " UNION ALL SELECT true, * FROM aclexplode(acls.base)) g WHERE acls.acl IS DISTINCT FROM acls.base"
)

#: What PostgreSQL calls objects, for those that no family has: the address, catalog, type, schema, name, identity.
IDENTIFY = (
    "SELECT a.classid, a.oid, a.subid, c.relname::text, i.type, i.schema, i.name, i.identity"
    " FROM unnest($1::oid[], $2::oid[], $3::int[]) AS a(classid, oid, subid)"
    " JOIN pg_catalog.pg_class c ON c.oid = a.classid,"
    " LATERAL pg_identify_object(a.classid, a.oid, a.subid) i"
)
