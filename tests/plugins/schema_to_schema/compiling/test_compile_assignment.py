"""Every built-in type against PostgreSQL's own judgement of what may be assigned."""

from __future__ import annotations

_BUILT_IN = """
SELECT pg_catalog.format_type(x.oid, -1) FROM pg_catalog.pg_type t
 CROSS JOIN LATERAL (VALUES (t.oid), (t.typarray)) AS x(oid)
 WHERE t.typtype IN ('b', 'r', 'm') AND t.typnamespace = 'pg_catalog'::regnamespace AND t.typcategory <> 'A'
   AND t.typname !~ '^pg_' AND t.typname NOT IN ('unknown', 'aclitem', 'gtsvector') AND x.oid <> 0
"""
_TRY = """
DO $$ DECLARE found text := ''; BEGIN
    FOR n IN 0..{last} LOOP
        BEGIN
            EXECUTE format('INSERT INTO wanted SELECT c FROM t%s', n);
            found := found || ' ' || n;
        EXCEPTION WHEN datatype_mismatch THEN NULL; END;
    END LOOP;
    INSERT INTO possible VALUES ('{type_}', found);
END $$;
"""
_WANTED = ("text", "integer", "numeric", "timestamp with time zone", "jsonb", '"char"', "name", "bigint[]", "text[]")


def test_what_may_be_assigned_is_what_postgresql_assigns(pair) -> None:
    """Tables are empty: INSERT ... SELECT says what the grammar of types allows, and nothing of values."""
    types = pair.psql(pair.old, _BUILT_IN).splitlines()
    assert len(types) > 100
    tries = "".join(
        f"CREATE TABLE wanted (c {type_});" + _TRY.format(last=len(types) - 1, type_=type_) + "DROP TABLE wanted;"
        for type_ in _WANTED
    )
    columns = "".join(f"CREATE TABLE t{n} (c {type_});" for n, type_ in enumerate(types))
    pair.fill(columns + "CREATE TABLE possible (type text, found text);" + tries, "")
    possible = dict(line.split("|") for line in pair.psql(pair.old, "TABLE possible").splitlines())
    pair.psql(pair.old, "DROP TABLE possible")
    for type_ in _WANTED:
        pair.fill_new("".join(f"CREATE TABLE t{n} (c {type_});" for n in range(len(types))))
        compiled = pair.again()
        ours = [name for n, name in enumerate(types) if f"public.t{n}" in compiled.tables]
        theirs = [types[int(number)] for number in possible[type_].split()]
        assert ours == theirs, type_
