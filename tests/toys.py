"""The smallest providers that keep the rules, for the suites whose kinds nobody else provides yet."""

from __future__ import annotations

import hashlib
import io

import msgspec

from confiture.errors import ConfigError, SourceUnreadable
from confiture.model import Mask, Matching, Plan, Schema, SchemaObject, SourceFile, Statement


class ToySource:
    async def load(self, ctx, what="", *, order="alphabetical"):
        if what == "seeds":
            return ()
        if what:
            raise SourceUnreadable(f"no folder {what!r}")
        return (SourceFile("a.sql", "CREATE TABLE a ()"), SourceFile("b.sql", "CREATE TABLE b ()"))


class ToyInspector:
    async def inspect(self, ctx, target):
        query = """
            SELECT c.relkind::text AS kind, c.oid::regclass::text AS identity,
                   array_agg(a.attname || ' ' || a.atttypid::regtype ORDER BY a.attnum) AS columns
              FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE c.relnamespace::regnamespace::text NOT LIKE ALL ('{pg_%,information_schema}')
             GROUP BY c.oid
        """
        async with ctx.connect(target) as connection:
            rows = [dict(row) for row in await connection.fetch(query)]
        objects = (
            SchemaObject(kind=row["kind"], identity=row["identity"], properties={"columns": tuple(row["columns"])})
            for row in rows
        )
        return toy_schema(*sorted(objects, key=lambda found: (found.kind, found.identity)))


def toy_schema(*objects: SchemaObject) -> Schema:
    return Schema(objects=objects, digest=hashlib.sha256(msgspec.json.encode(objects)).hexdigest())


class ToyDiffer:
    async def match(self, ctx, old, new, decisions):
        return Matching()

    async def diff(self, ctx, old, new, options):
        if old == new:
            return Plan(statements=(), from_digest=old.digest, to_digest=new.digest)
        missing = [found.identity for found in new.objects if found not in old.objects]
        statements = tuple(Statement(sql=f"CREATE TABLE {name} ()") for name in missing)
        return Plan(statements=statements, from_digest=old.digest, to_digest=new.digest)


class ToyEngine:
    def accepts(self, task):
        return True

    async def transfer(self, ctx, task, masks=()):
        masked = {mask.column: mask.expression for mask in masks}
        columns = ", ".join(f"{masked.get(column, column)} AS {column}" for column in task.columns)
        data = io.BytesIO()
        async with ctx.connect(task.source) as source, ctx.connect(task.target) as target:
            await source.copy_from_query(f"SELECT {columns} FROM ({task.query}) AS q", output=data)
            data.seek(0)
            tag = await target.copy_to_table(task.table, source=data, columns=task.columns)
        return int(tag.split()[-1])


class ToyAnonymizer:
    def compile(self, table, rules):
        for column, rule in rules.items():
            if rule != "null":
                raise ConfigError(f"{table}.{column}: unknown rule {rule!r}", hint="the rules are: null")
        return [Mask(column=column, expression="NULL") for column in rules]
