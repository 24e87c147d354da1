"""What users of such tools report again and again (section 5 of the research), one case each."""

from __future__ import annotations

import pytest

from confiture.errors import ConfitureError
from e2e.sync.pairs import Pair, digest

pytestmark = pytest.mark.anyio


async def test_lossy_mask_of_a_unique_column_is_refused_with_its_probability(pair: Pair) -> None:
    pair.schema("CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE)")
    pair.on_source("INSERT INTO users SELECT i, 'p' || i || '@corp.io' FROM generate_series(1, 200) i; ANALYZE users")
    pair.rules('anonymize: {users: {email: "u{random(4)}@example.com"}}')
    with pytest.raises(ConfitureError, match="probability") as caught:
        await pair.sync()
    assert "sync_config.yaml" in str(caught.value.file)
    assert pair.on_target("SELECT count(*) FROM users") == "0"


async def test_one_person_has_one_mask_wherever_the_key_leads(pair: Pair) -> None:
    # A natural key, referenced by another type, and by a column that only the file of rules links.
    pair.schema("""
        CREATE TABLE people (email varchar(80) PRIMARY KEY, born date);
        CREATE TABLE letters (id int PRIMARY KEY, sender text NOT NULL REFERENCES people ON UPDATE CASCADE);
        CREATE TABLE log (id int PRIMARY KEY, who text, kind text)
    """)
    pair.on_source("""
        INSERT INTO people SELECT 'p' || i || '@corp.io', '1980-01-01' FROM generate_series(1, 40) i;
        INSERT INTO letters SELECT i, 'p' || i || '@corp.io' FROM generate_series(1, 40) i;
        INSERT INTO log SELECT i, 'p' || i || '@corp.io', 'mail' FROM generate_series(1, 40) i
    """)
    pair.rules("""
anonymize: {people: {email: "{hash}@example.com", born: {date_shift: {days: 30, per: email}}}}
references:
  - {from: log.who, to: people.email}
""")
    report = await pair.sync()
    assert report.exit_code == 0
    assert pair.on_target("SELECT count(*) FROM letters JOIN people ON sender = email") == "40"
    assert pair.on_target("SELECT count(*) FROM log JOIN people ON who = email") == "40"
    assert pair.on_target("SELECT count(*) FROM people WHERE email LIKE '%corp.io'") == "0"


async def test_some_rows_stay_real(pair: Pair) -> None:
    pair.schema("CREATE TABLE staff (id int PRIMARY KEY, email text, internal bool NOT NULL)")
    pair.on_source("INSERT INTO staff VALUES (1, 'me@corp.io', true), (2, 'customer@gmail.com', false)")
    pair.rules('anonymize: {staff: {email: {template: "u{id}@example.com", when: "NOT internal"}}}')
    await pair.sync()
    assert pair.on_target("SELECT email FROM staff ORDER BY id") == "me@corp.io\nu2@example.com"


async def test_columns_of_every_sort(pair: Pair) -> None:
    # Generated, identity, defaults, arrays, enums, domains, composites, ranges, a different order of columns.
    types = """
        CREATE TYPE mood AS ENUM ('sad', 'glad');
        CREATE DOMAIN short AS text CHECK (length(VALUE) < 80);
        CREATE TYPE place AS (street text, mood mood);
    """
    run = """
        CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a short, moods mood[], at place,
                        r int4range, twice bigint GENERATED ALWAYS AS (id * 2) STORED, s serial, j json, b bytea,
                        "Mixed Case" text, n numeric, ts timestamptz, iv interval, p point, mac macaddr);
    """
    other = """
        CREATE TABLE t (s serial, "Mixed Case" text, a short, at place, moods mood[], r int4range, j json, b bytea,
                        p point,
                        twice bigint GENERATED ALWAYS AS (id * 2) STORED, n numeric, ts timestamptz, iv interval,
                        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mac macaddr);
    """
    pair.on_source(types + run)
    pair.on_target("CREATE TYPE unused AS ENUM ('moves', 'oids');" + types + other)
    pair.on_source(r"""
        INSERT INTO t (a, moods, at, r, j, b, "Mixed Case", n, ts, iv, p, mac) VALUES
          (E'tab\t back\\slash \\N "quoted" {braces} \u00e9', '{sad,glad,NULL}', ('a,b "c"', 'sad'), '[1,9)',
           '{"a": [1, null]}', '\x00ff5c', '', 'NaN', 'infinity',
           '1 mon -3 days 04:05:06.7', '(1.5,-0)', '08:00:2b:01:02:03'),
          (NULL, NULL, NULL, 'empty', 'null', '', E'\n', 1e-20, '0001-01-01 BC', '-1', NULL, NULL),
          ('\.', '{}', (NULL, NULL), NULL, '{}', NULL, repeat('x', 100000), 'Infinity', now(), '0', '(0,0)', NULL)
    """)
    # A street and a hardware address look personal: they are.
    report = await pair.sync(keep={"t.at": "nobody lives there", "t.mac": "of no device"})
    assert report.exit_code == 0
    columns = 'id, a, moods, at, r, twice, s, j::text, b, "Mixed Case", n, ts, iv, p::text, mac'
    query = f"SELECT md5(string_agg(ROW({columns})::text, '|' ORDER BY id)) FROM t"
    assert pair.on_source(query) == pair.on_target(query)
    # The sequences go on behind what was copied.
    assert pair.on_target("INSERT INTO t (a) VALUES ('next') RETURNING id, s") == "4|4"


async def test_partitions_and_heirs_are_copied_once(pair: Pair) -> None:
    pair.schema("""
        CREATE TABLE events (id int, at date, who text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE events_24 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
        CREATE TABLE events_25 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')
               PARTITION BY HASH (at);
        CREATE TABLE events_25_0 PARTITION OF events_25 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE events_25_1 PARTITION OF events_25 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        CREATE TABLE animals (id int PRIMARY KEY, name text);
        CREATE TABLE cats (lives int, PRIMARY KEY (id)) INHERITS (animals)
    """)
    pair.on_source("""
        INSERT INTO events SELECT i, date '2024-06-01' + i * 7, 'w' || i FROM generate_series(1, 60) i;
        INSERT INTO animals VALUES (1, 'dog'); INSERT INTO cats VALUES (2, 'tom', 9)
    """)
    pair.rules('anonymize: {events: {who: "someone {id}"}, animals: {name: "a{id}"}, cats: {name: "c{id}"}}')
    report = await pair.sync()
    assert report.exit_code == 0
    per_partition = "SELECT tableoid::regclass, count(*) FROM events GROUP BY 1 ORDER BY 1"
    assert pair.on_target(per_partition) == pair.on_source(per_partition)
    assert pair.on_target("SELECT * FROM ONLY animals") == "1|a1"
    assert pair.on_target("SELECT * FROM cats") == "2|c2|9"
    again = await pair.sync(truncate=True)
    assert again.exit_code == 0
    assert pair.on_target("SELECT count(*) FROM animals") == "2"


async def test_null_stays_null_in_documents_and_templates(pair: Pair) -> None:
    pair.schema("CREATE TABLE t (id int PRIMARY KEY, first text, mail text, j jsonb, died date)")
    pair.on_source("""
        INSERT INTO t VALUES (1, NULL, 'a@corp.io', '{"name": null, "n": 1}', NULL),
                             (2, 'Bo', NULL, NULL, '2001-02-03'),
                             (3, 'Al', 'b@corp.io', '{"name": "Al Real", "n": 2}', NULL)""")
    pair.rules("""
anonymize:
  t:
    mail: "{first}{id}@example.com"
    j: {json: {paths: {name: "someone"}}}
    died: {constant: "2000-01-01", on_null: mask}
    first: {keep: "first names only"}
""")
    await pair.sync()
    assert pair.on_target("SELECT mail FROM t ORDER BY id") == "1@example.com\n\nAl3@example.com"
    assert pair.on_target("SELECT j FROM t WHERE id = 3") == '{"n": 2, "name": "someone"}'
    assert pair.on_target("SELECT j IS NULL FROM t WHERE id = 2") == "t"
    assert pair.on_target("SELECT j->'n' FROM t WHERE id = 1") == "1"
    assert pair.on_target("SELECT DISTINCT died FROM t") == "2000-01-01"


async def test_a_role_that_may_only_read_is_enough(pair: Pair) -> None:
    pair.schema(
        """CREATE SCHEMA "Mixed.Case"; CREATE TABLE "Mixed.Case"."My ""Table" ("Id" int PRIMARY KEY, "E Mail" text)"""
    )
    pair.on_source("""
        INSERT INTO "Mixed.Case"."My ""Table" VALUES (1, 'real@corp.io');
        DO $$ BEGIN CREATE ROLE only_reads_here LOGIN NOSUPERUSER;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
        GRANT USAGE ON SCHEMA "Mixed.Case" TO only_reads_here;
        GRANT SELECT ON ALL TABLES IN SCHEMA "Mixed.Case" TO only_reads_here;
        ALTER ROLE only_reads_here SET default_transaction_read_only = on
    """)
    from confiture.model import Target

    reader = Target(label="r", params={**pair.source.params, "user": "only_reads_here"})
    pair.project.environment_for(reader, "production")
    pair.rules(
        """anonymize: {'"Mixed.Case"."My ""Table"': {'"E Mail"': 'u{row.Id}@example.com'}}""".replace("row.Id", '"Id"')
    )
    report = await pair.sync()
    assert report.exit_code == 0
    assert pair.on_target("""SELECT * FROM "Mixed.Case"."My ""Table" """) == "1|u1@example.com"


async def test_rows_hidden_by_a_policy_are_no_silent_loss(pair: Pair) -> None:
    pair.schema("CREATE TABLE notes (id int PRIMARY KEY, owner text)")
    pair.on_source("""
        INSERT INTO notes VALUES (1, 'a'), (2, 'b'); ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
        CREATE POLICY mine ON notes USING (owner = 'a');
        DO $$ BEGIN CREATE ROLE sees_some LOGIN NOSUPERUSER;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
        GRANT SELECT ON notes TO sees_some
    """)
    from confiture.model import Target

    pair.project.environment_for(Target(label="r", params={**pair.source.params, "user": "sees_some"}), "production")
    with pytest.raises(ConfitureError, match=r"row.level security|policy"):
        await pair.sync()
    assert pair.on_target("SELECT count(*) FROM notes") == "0"


async def test_twice_the_same(pair: Pair) -> None:
    pair.schema("""
        CREATE TABLE a (id uuid PRIMARY KEY, name text, phone text, b int);
        CREATE TABLE b (id int PRIMARY KEY, a uuid NOT NULL REFERENCES a DEFERRABLE, tax numeric);
        ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b
    """)
    pair.on_source("""
        INSERT INTO a SELECT md5(i::text)::uuid, 'n' || i, '+49 30 ' || i FROM generate_series(1, 90) i;
        INSERT INTO b SELECT i, md5(i::text)::uuid, i FROM generate_series(1, 90) i; UPDATE a SET b = 7
    """)
    pair.rules("""
anonymize:
  a: {id: {hash: {}}, name: {pseudonym: {}}, phone: "+1-555-{random(4)}"}
  b: {tax: {noise: {ratio: 0.2}}}
""")
    first = await pair.sync(jobs=4)
    before = digest(pair.target)
    second = await pair.sync(truncate=True, jobs=1)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert digest(pair.target) == before
    assert before != digest(pair.source)
