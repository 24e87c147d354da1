"""The smallest providers that keep the rules, for the suites whose kinds nobody else provides yet."""

from __future__ import annotations

import hashlib
import io

import asyncpg
import msgspec

from confiture.errors import Refused, SourceUnreadable, StatementFailed
from confiture.model import Mask, Matching, Plan, Schema, SchemaObject, SourceFile, Statement, TransferReport
from confiture.quoting import quote_ident
from confiture.transfer import TAKEN_BYTES, TAKEN_ROWS, fit, prepare_session, reading, set_local


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
    """Everything at once in memory, in text; what it cannot do, it does not accept."""

    def accepts(self, task, masks=()):
        return not task.rollback and not any(mask.function for mask in masks)

    async def transfer(self, ctx, task, masks=()):
        if unknown := {mask.column for mask in masks} - set(task.columns):
            raise Refused(f"no columns {unknown}")
        masked = {mask.column: mask.expression for mask in masks}
        query = task.query + "\n"
        if masked:
            columns = ", ".join(f"{masked.get(column, quote_ident(column))}\n" for column in task.columns)
            names = ", ".join(map(quote_ident, task.columns))
            query = f"SELECT {columns} FROM ({query}) AS q ({names})"
        data = io.BytesIO()
        try:
            async with (
                reading(ctx, task.source, snapshot=task.snapshot, settings=task.settings) as source,
                ctx.connect(task.target) as target,
                ctx.transaction(target),
            ):
                await prepare_session(target)
                for statement in task.before:
                    await target.execute(statement.sql)
                fitted = await fit(source, query, target, task.table, task.columns, binary=task.binary)
                await source.copy_from_query(query, output=data)
                data.seek(0)
                tag = await target.copy_to_table(
                    fitted.table, schema_name=fitted.schema, columns=task.columns, source=data
                )
                taken = {TAKEN_ROWS: tag.split()[-1], TAKEN_BYTES: str(data.tell())}
                await set_local(target, taken)
                for statement in task.after:
                    await target.execute(statement.sql)
        except asyncpg.PostgresError as error:
            raise self.failed(task, error) from None
        rows, size = int(tag.split()[-1]), data.tell()
        return TransferReport(rows=rows, bytes=size, seconds=0.0, binary=False)

    def failed(self, task, error):
        return StatementFailed(f"{task.table} of {task.target.label}: {type(error).__name__}")


class ToyAnonymizer:
    """Hexadecimal digits, eight or as many as the rule's ``digits`` says."""

    def compile(self, rule, scope):
        if unknown := set(rule.options) - {"digits"}:
            raise rule.error(f"unknown options {unknown}", hint="there is: digits")
        digits = rule.options.get("digits", 8)
        expression = f"left(encode({scope.bytes()}, 'hex'), {digits})"
        return Mask(expression=expression, uniqueness="probable", bits=4.0 * digits, max_length=digits)
