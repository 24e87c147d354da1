"""Takes off a target's tables what rows should not meet, and puts it back when they are there.

Indexes are built faster over rows than with them, foreign keys want an order of tables, and triggers would run for each
row. So a medium that loads tables takes them off before, and everything that it takes off is recorded on the target in
the same transaction (:class:`Records`): whenever it is killed, what the table lacks can be put back, exactly as it was.

Taking off, in one transaction (:func:`altering`) of a role that owns the tables::

    async with altering(ctx, target, connection) as watched:
        parts = await read_parts(connection, ['public."My Table"'])  # with their partitions
        watched += [part.oid for part in parts]  # who holds these is named in the error
        await qualify(connection)
        await records.create(connection)
        await take(connection, records, run_id, await read_keys(connection, parts))
        things = await read_indexes(connection, parts, {part.oid: 1 << 30 for part in parts}, primary=True)
        await take(connection, records, run_id, [*things, *await read_switches(connection, parts)])

Putting back, by phases (:class:`Phase`), all at once or the tables one after the other::

    put = PutBack(ctx, target, records, jobs=4)
    known = await records.read(connection)
    await put.run(connection, known, (Phase.INDEX, Phase.ATTACH), "my.indexes", tables=["public.My Table"])
    ...
    await put.run(connection, known, (Phase.KEY, Phase.VALIDATE, Phase.SWITCH), "my.constraints")
    if put.failures:
        raise failed(put.failures, target, hint="...")

Tables are given as SQL text or by their OIDs, in messages and in ``tables`` by their labels: ``schema.table``, bare.
"""

from __future__ import annotations

from confiture.loading.indexes import read_indexes
from confiture.loading.keys import read_keys
from confiture.loading.parts import Part, Thing, read_parts
from confiture.loading.putting import Failure, PutBack, failed
from confiture.loading.records import PRIMARY, Phase, Record, Records
from confiture.loading.sequences import set_sequences
from confiture.loading.sessions import side_by_side
from confiture.loading.switches import read_switches
from confiture.loading.taking import altering, qualify, take, take_keys

__all__ = [
    "PRIMARY",
    "Failure",
    "Part",
    "Phase",
    "PutBack",
    "Record",
    "Records",
    "Thing",
    "altering",
    "failed",
    "qualify",
    "read_indexes",
    "read_keys",
    "read_parts",
    "read_switches",
    "set_sequences",
    "side_by_side",
    "take",
    "take_keys",
]
