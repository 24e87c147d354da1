"""The old side's copy: renames are run on it to see what comes of them, and the proof goes on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.model import Hazard, Plan, Schema, Statement, Target
from confiture_diff.proof import Journey, proof_failed, prove
from confiture_diff.rows import insert_rows
from confiture_diff.running import run_statements

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_diff.elaborate import Elaboration
    from confiture_diff.model import DataFailure, DiffReport

__all__ = ["Trial"]


class Trial:
    """One run's copy of the old side. ``over_rows``: sample rows go in before anything else."""

    def __init__(self, ctx: Context, old: Elaboration, before: Schema, *, over_rows: bool) -> None:
        self._ctx = ctx
        self._old = old
        self._before = before
        self._over_rows = over_rows
        self._copy: Target | None = None
        self._rows = 0
        self._renamed = 0

    async def rename(self, statements: tuple[Statement, ...]) -> Schema:
        """Run these on the copy, and read it again."""
        copy = await self._ready()
        await run_statements(self._ctx, copy, statements)
        self._renamed += len(statements)
        return await self._old.inspect_copy(copy)

    async def prove(self, report: DiffReport, after: Schema, *, wanted: bool, force: bool) -> DiffReport:
        """The report with its proof. ``wanted``: the way back too. Raises ``ProofFailed`` unless ``force``."""
        journey = Journey(
            before=self._before,
            after=after,
            plan=report.plan,
            backward=report.backward if wanted and report.irreversible is None else None,
            target=await self._ready(),
            done=self._renamed,
            rows=self._rows,
        )
        proof, noted = await prove(self._ctx, self._old, journey)
        if proof.differences and not force:
            raise proof_failed(proof)
        report = msgspec.structs.replace(report, proof=proof, notes=(*report.notes, *noted))
        for failure in proof.failures:
            report = _with_hazard(report, failure)
        return report

    async def _ready(self) -> Target:
        if self._copy is None:
            self._copy = await self._old.copy()
            if self._over_rows:
                self._rows = await insert_rows(self._ctx, self._copy, self._before)
        return self._copy


def _with_hazard(report: DiffReport, failure: DataFailure) -> DiffReport:
    """The report where the statement that rows stopped says so, if it did not yet."""
    from confiture.sql.effects.hazards import FAILS_ON_DATA

    hazard = Hazard(FAILS_ON_DATA, f"sample rows stopped it: {failure.message}")
    way = "plan" if failure.direction == "forward" else "backward"
    plan: Plan = getattr(report, way)
    statements = tuple(
        msgspec.structs.replace(statement, hazards=(*statement.hazards, hazard))
        if statement.sql == failure.sql and all(each.kind != FAILS_ON_DATA for each in statement.hazards)
        else statement
        for statement in plan.statements
    )
    changed: dict[str, object] = {way: msgspec.structs.replace(plan, statements=statements)}
    if way == "plan" and statements != plan.statements:
        changed["hazards"] = (*report.hazards, hazard)
    return msgspec.structs.replace(report, **changed)
