"""Schemas and rows at random: what is chosen is what a fixpoint in plain SQL finds, no row more and none less."""

from __future__ import annotations

import random

import pytest

from confiture_sync.subset import worklist

pytestmark = pytest.mark.anyio

#: Types of key, and a value for the number ``n``.
TYPES = {
    "int": "n",
    "bigint": "n * 10000000000",
    "text": "'{\"a,b\"} \\ ''' || n",
    "uuid": "md5(n::text)::uuid",
    "date": "date '2020-01-01' + n::int",
    "mood": "('m' || n)::mood",
    "pair": "ROW(n, 'x, \"' || n)::pair",
    "int[]": "ARRAY[n, n + 1]",
    "numeric(12,2)": "n + 0.5",
    "timestamptz": "timestamptz '2020-01-01 00:00+00' + n * interval '1 hour'",
    "bytea": "decode(md5(n::text), 'hex')",
}
BASE = "CREATE TYPE mood AS ENUM (" + ", ".join(f"'m{n}'" for n in range(31)) + ");CREATE TYPE pair AS (a int, b text);"


class Schema:
    """Tables with keys of all types, and foreign keys between any two, circles included."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.tables = [f"T {n}" if self.random.random() < 0.3 else f"t{n}" for n in range(self.random.randint(2, 6))]
        self.columns = {}
        self.kinds = {}
        self.keys = []  # (child, columns, parent, columns, nullable)
        for table in self.tables:
            types = [self.random.choice(list(TYPES)) for _ in range(self.random.choice((1, 1, 1, 2)))]
            self.columns[table] = {f"k{n}": type_ for n, type_ in enumerate(types)}
            self.kinds[table] = self.random.choice(("primary", "primary", "unique", "partitioned"))
        for number in range(self.random.randint(1, 8)):
            child, parent = self.random.choice(self.tables), self.random.choice(self.tables)
            names = list(self.columns[parent])
            self.random.shuffle(names)
            self.keys.append(
                (child, [f"f{number}_{name}" for name in names], parent, names, self.random.random() < 0.7)
            )

    def sql(self) -> str:
        lines = [BASE]
        for table in self.tables:
            own = [f'"{name}" {type_} NOT NULL' for name, type_ in self.columns[table].items()]
            for child, columns, parent, names, _ in self.keys:
                if child == table:
                    own += [f'"{a}" {self.columns[parent][b]}' for a, b in zip(columns, names, strict=True)]
            kind = "UNIQUE" if self.kinds[table] == "unique" else "PRIMARY KEY"
            names = ", ".join(f'"{name}"' for name in self.columns[table])
            partitioned = self.kinds[table] == "partitioned"
            rest = f' PARTITION BY HASH ("{next(iter(self.columns[table]))}")' if partitioned else ""
            lines.append(f'CREATE TABLE "{table}" ({", ".join(own)}, {kind} ({names})){rest};')
            if partitioned:
                lines += [
                    f'CREATE TABLE "{table} p{n}" PARTITION OF "{table}" FOR VALUES WITH (MODULUS 2, REMAINDER {n});'
                    for n in range(2)
                ]
            values = ", ".join(TYPES[type_] for type_ in self.columns[table].values())
            lines.append(f'INSERT INTO "{table}" ({names}) SELECT {values} FROM generate_series(1, 30) n;')
        for number, (child, columns, parent, names, nullable) in enumerate(self.keys):
            value = [TYPES[self.columns[parent][name]] for name in names]
            chance = self.random.choice((0.1, 0.5, 0.9)) if nullable else 1.0
            first = next(iter(self.columns[child]))
            # Each row's parent by a draw of its own; setseed makes it the same in every run.
            sets = ", ".join(f'"{a}" = {v}' for a, v in zip(columns, value, strict=True)).replace("n", "n")
            lines.append(f"SELECT setseed({self.random.random():.6f});")
            lines.append(
                f'UPDATE "{child}" SET {sets} FROM (SELECT k, 1 + floor(random() * 30)::int AS n FROM '
                f'(SELECT "{first}" AS k FROM "{child}" ORDER BY 1) x WHERE random() < {chance}) AS d '
                f'WHERE "{child}"."{first}" = d.k;'
            )
            own = ", ".join(f'"{a}"' for a in columns)
            other = ", ".join(f'"{b}"' for b in names)
            lines.append(
                f'ALTER TABLE "{child}" ADD CONSTRAINT fk{number} FOREIGN KEY ({own}) REFERENCES "{parent}" ({other});'
            )
        return "\n".join(lines)

    def closure(self, seeds: dict[str, str], children: list[int], cut: list[int]) -> str:
        """A fixpoint in SQL: rows by their whole text, in tables of the schema ``judge``."""
        lines = ["CREATE SCHEMA judge;"]
        for table in self.tables:
            where = seeds.get(table, "false")
            lines.append(f'CREATE TABLE judge."{table}" AS SELECT t AS r FROM "{table}" t WHERE {where};')
        for phase in ("down", "up"):
            body = []
            for number, (child, columns, parent, names, _) in enumerate(self.keys):
                on = " AND ".join(f'c."{a}" = p."{b}"' for a, b in zip(columns, names, strict=True))
                if phase == "down" and number in children:
                    have, want, picked = parent, child, ("p", "c")
                elif phase == "up" and number not in cut:
                    have, want, picked = child, parent, ("c", "p")
                else:
                    continue
                body.append(
                    f'INSERT INTO judge."{want}" SELECT DISTINCT {picked[1]} '
                    f'FROM "{child}" c JOIN "{parent}" p ON {on} '
                    f'WHERE {picked[0]}::text IN (SELECT r::text FROM judge."{have}") '
                    f'AND {picked[1]}::text NOT IN (SELECT r::text FROM judge."{want}"); '
                    "GET DIAGNOSTICS n = ROW_COUNT; more := more + n;"
                )
            lines.append(
                f"DO $$ DECLARE more int; n int; BEGIN LOOP more := 0; {' '.join(body)} EXIT WHEN more = 0; "
                "END LOOP; END $$;"
            )
        return "\n".join(lines)


@pytest.mark.parametrize("seed", range(14))
async def test_what_is_chosen_is_the_closure(choose, source, psql, orphans, seed, monkeypatch):
    """Every other schema goes through the recursive query at once, where it has circles."""
    if seed % 2:
        monkeypatch.setattr(worklist, "_ROUNDS", 1)
    schema = Schema(seed)
    draw = schema.random
    psql(source, schema.sql())
    roots = draw.sample(schema.tables, draw.choice((1, 1, 2)))
    seeds = {table: f"\"{next(iter(schema.columns[table]))}\"::text < '{draw.choice('349')}'" for table in roots}
    children = [number for number in range(len(schema.keys)) if draw.random() < 0.4]
    cut = [number for number, key in enumerate(schema.keys) if key[4] and draw.random() < 0.3]
    named = [(f'"{schema.keys[n][0]}".{schema.keys[n][1][0]}', n) for n in range(len(schema.keys))]
    # What nothing leads to begins as it is, in both: chosen by hand here.
    fed = set(roots)
    for edges in ([(schema.keys[n][2], schema.keys[n][0]) for n in children],
                  [(key[0], key[2]) for n, key in enumerate(schema.keys) if n not in cut]):  # fmt: skip
        while more := {b for a, b in edges if a in fed} - fed:
            fed |= more
    lost = [table for table in schema.tables if table not in fed]
    chosen = await choose(
        where={f'"{table}"': where for table, where in seeds.items()},
        sample={f'"{table}"': "all" for table in lost},
        children=tuple(name for name, n in named if n in children),
        cut=tuple(name for name, n in named if n in cut),
    )
    await choose.write(chosen)
    psql(source, schema.closure({**seeds, **dict.fromkeys(lost, "true")}, children, cut))
    for table in schema.tables:
        keys = ", ".join(f'"{name}"' for name in schema.columns[table])
        theirs = f'SELECT {keys.replace(chr(34) + "k", "(r)." + chr(34) + "k")} FROM judge."{table}"'
        ours = f'SELECT {keys} FROM chosen."{table}"'
        for one, other in ((theirs, ours), (ours, theirs)):
            assert psql(source, f"SELECT count(*) FROM (({one}) EXCEPT ALL ({other})) x") == "0", table
    assert orphans(source, chosen) == []
    # A key that is cut is NULL only where its parent is not there.
    for n in cut:
        child, columns, parent, names, _ = schema.keys[n]
        own = [f'"{name}"' for name in schema.columns[child]]
        same = " AND ".join(f"o.{name} = c.{name}" for name in own)
        parents = " AND ".join(f'o."{a}" = p."{b}"' for a, b in zip(columns, names, strict=True))
        lost_keys = psql(source, f'SELECT count(*) FROM "{child}" o JOIN chosen."{child}" c ON {same} '
                                 f'JOIN chosen."{parent}" p ON {parents} WHERE c."{columns[0]}" IS NULL')  # fmt: skip
        assert lost_keys == "0"
