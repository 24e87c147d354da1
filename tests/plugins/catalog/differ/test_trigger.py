"""Triggers, rules, policies and statistics."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.anyio

BASE = """CREATE TABLE t (id int, a int, b int);
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"""


async def test_triggers_are_replaced_in_place(migrates):
    """Not constraint triggers: those PostgreSQL does not replace."""
    old = (
        BASE
        + """CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
        CREATE TRIGGER "CREATE TRIGGER" BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
        COMMENT ON TRIGGER one ON t IS 'x'; ALTER TABLE t ENABLE ALWAYS TRIGGER one;
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();"""
    )
    new = (
        BASE
        + """CREATE TRIGGER one BEFORE INSERT OR UPDATE OF a ON t FOR EACH ROW WHEN (new.a > 1) EXECUTE FUNCTION g('x');
        CREATE TRIGGER "CREATE TRIGGER" AFTER INSERT ON t REFERENCING NEW TABLE AS n EXECUTE FUNCTION f();
        COMMENT ON TRIGGER one ON t IS 'x'; ALTER TABLE t ENABLE ALWAYS TRIGGER one;
        CREATE CONSTRAINT TRIGGER late AFTER INSERT ON t DEFERRABLE
            FOR EACH ROW EXECUTE FUNCTION f();"""
    )
    assert [each for each in await migrates(old, new) if each.startswith("DROP")] == ["DROP TRIGGER late ON public.t"]


async def test_the_state_of_triggers_and_rules_is_set(migrates):
    made = BASE + "".join(
        f"CREATE TRIGGER t{n} BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();"
        f"CREATE RULE r{n} AS ON DELETE TO t DO ALSO NOTHING;"
        for n in range(4)
    )
    states = ["ENABLE", "DISABLE", "ENABLE REPLICA", "ENABLE ALWAYS"]
    alter = "ALTER TABLE t {0} TRIGGER t{1}; ALTER TABLE t {0} RULE r{1};"
    old = made + "".join(alter.format(state, n) for n, state in enumerate(states))
    new = made + "".join(alter.format(state, n) for n, state in enumerate(states[1:] + states[:1]))
    assert all(each.startswith("ALTER TABLE public.t ") for each in await migrates(old, new))
    await migrates("", old)


async def test_copies_on_partitions_follow_and_have_a_state_of_their_own(migrates):
    tables = """CREATE TABLE w (id int, k int) PARTITION BY RANGE (id);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TABLE w1 PARTITION OF w FOR VALUES FROM (1) TO (10);
        CREATE TABLE w2 PARTITION OF w FOR VALUES FROM (10) TO (20);"""
    one = "CREATE TRIGGER one BEFORE INSERT {} ON w FOR EACH ROW EXECUTE FUNCTION f();"
    two = "CREATE TRIGGER two AFTER INSERT ON w FOR EACH ROW EXECUTE FUNCTION f();"
    old = tables + one.format("") + two
    old += "ALTER TABLE w DISABLE TRIGGER one; ALTER TABLE w2 ENABLE ALWAYS TRIGGER one;"
    new = tables + one.format("OR UPDATE") + two
    new += "ALTER TABLE w1 DISABLE TRIGGER one; ALTER TABLE ONLY w DISABLE TRIGGER two;"
    new += "CREATE TABLE w3 PARTITION OF w FOR VALUES FROM (20) TO (30);"
    await migrates(old, new)


async def test_a_partition_that_leaves_gets_the_trigger_as_its_own(migrates):
    old = """CREATE TABLE w (id int) PARTITION BY RANGE (id);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TABLE w1 PARTITION OF w FOR VALUES FROM (1) TO (10);
        CREATE TRIGGER one BEFORE INSERT ON w FOR EACH ROW EXECUTE FUNCTION f();"""
    new = old.replace("w1 PARTITION OF w FOR VALUES FROM (1) TO (10)", "w1 (id int)")
    new += "CREATE TRIGGER one BEFORE INSERT ON w1 FOR EACH ROW EXECUTE FUNCTION f();"
    await migrates(old, new, rows="INSERT INTO w VALUES (3)", after={"SELECT id FROM w1": "3"})


async def test_rules_are_replaced_in_place(migrates):
    old = (
        BASE
        + """CREATE TABLE log (id int); CREATE RULE r AS ON UPDATE TO t DO ALSO INSERT INTO log VALUES (new.id);
        ALTER TABLE t ENABLE REPLICA RULE r; COMMENT ON RULE r ON t IS 'x';"""
    )
    new = old.replace("DO ALSO INSERT INTO log VALUES (new.id)", "WHERE old.a > 1 DO INSTEAD (SELECT 1; SELECT 2)")
    (statement,) = await migrates(old, new)
    assert statement.startswith("CREATE OR REPLACE RULE r AS")


async def test_policies_are_altered_where_they_can_be(migrates):
    old = (
        BASE
        + """ALTER TABLE t ENABLE ROW LEVEL SECURITY;
        CREATE POLICY a ON t USING (a > 1);
        CREATE POLICY b ON t FOR UPDATE TO pg_monitor USING (a > 1) WITH CHECK (b > 1);
        CREATE POLICY c ON t FOR SELECT USING (true); COMMENT ON POLICY c ON t IS 'x';"""
    )
    new = (
        BASE
        + """ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY a ON t TO pg_monitor, CURRENT_USER USING (a > 2);
        CREATE POLICY b ON t FOR UPDATE USING (a > 1);
        CREATE POLICY c ON t AS RESTRICTIVE FOR SELECT USING (true); COMMENT ON POLICY c ON t IS 'x';"""
    )
    statements = await migrates(old, new)
    assert next(each for each in statements if "POLICY a" in each).startswith("ALTER POLICY a ON public.t TO ")
    assert len([each for each in statements if each.startswith("DROP POLICY")]) == 2


async def test_statistics(migrates):
    old = BASE + "CREATE STATISTICS s ON a, b FROM t; CREATE STATISTICS x (mcv) ON a, (b + 1) FROM t;"
    old += "COMMENT ON STATISTICS x IS 'x';"
    new = old.replace("(mcv)", "(mcv, ndistinct)") + "ALTER STATISTICS s SET STATISTICS 500;"
    assert await migrates(old, new) == [
        "DROP STATISTICS public.x",
        "ALTER STATISTICS public.s SET STATISTICS 500",
        "CREATE STATISTICS public.x (ndistinct, mcv) ON a, (b + 1) FROM public.t",
        "COMMENT ON STATISTICS public.x IS 'x'",
    ]


async def test_triggers_rules_and_policies_follow_the_columns_that_they_name(migrates):
    """A column whose type changes, or that goes, with each of them on it."""
    parts = """CREATE TRIGGER one BEFORE UPDATE OF a ON t FOR EACH ROW WHEN (new.a IS NOT NULL) EXECUTE FUNCTION f();
        ALTER TABLE t DISABLE TRIGGER one; COMMENT ON TRIGGER one ON t IS 'x';
        CREATE RULE r AS ON DELETE TO t WHERE old.a IS NOT NULL DO INSTEAD NOTHING;
        CREATE POLICY p ON t USING (a IS NOT NULL); CREATE STATISTICS s ON a, id FROM t;
        CREATE INDEX i ON t (a) WHERE a IS NOT NULL; ALTER TABLE t ADD CHECK (a IS NOT NULL);
        CREATE VIEW v AS SELECT a FROM t;"""
    old = BASE + parts
    await migrates(old, BASE.replace("a int", "a bigint") + parts)
    await migrates(old, BASE.replace("a int, ", ""), back=False, drops=("*",))
