"""What is in the way of a migration, found before a byte moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confiture.errors import Refused
from confiture.sides import shown_side
from confiture.transfer import reading
from confiture_schema_to_schema.checking.facts import read_facts
from confiture_schema_to_schema.checking.leaving import check_left
from confiture_schema_to_schema.checking.offenders import find_offenders
from confiture_schema_to_schema.checking.parents import check_parents
from confiture_schema_to_schema.checking.privileges import check_reading, check_target_role
from confiture_schema_to_schema.checking.servers import check_servers, check_source
from confiture_schema_to_schema.checking.targets import check_keys, check_occupied
from confiture_schema_to_schema.model import Finding
from confiture_schema_to_schema.values import Job

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["COPY_ONLY", "preflight", "refuse"]

#: Beside what is in the way of the capture.
COPY_ONLY: Final = Finding(
    level="note",
    check="capture",
    table="",
    message="a copy that nobody follows needs nothing of a capture",
    hint='`capture = "none"` under [schema-to-schema] in confiture.toml: the new database then stays as the old one '
    "was when it was copied, and there is no cutover",
)


async def preflight(ctx: Context, job: Job, target: Target, *, exists: bool, rows: bool) -> tuple[Finding, ...]:
    """All findings. ``target``: a database with the new schema, the real one where ``exists``.

    ``rows``: look at the mapped rows on the source for those that the new constraints would not take. Nothing is
    written on either side.
    """
    findings: list[Finding] = list(check_keys(job))
    async with reading(ctx, job.sides.source) as source:
        findings += await check_source(source, shown_side(job.sides.source))
        findings += await check_servers(ctx, job, source)
        findings += await check_left(ctx, job, source)
        unreadable = await check_reading(ctx, job, source)
        findings += unreadable
        facts = await read_facts(source, job)
        async with reading(ctx, target) as other:
            if exists:
                findings += await check_target_role(ctx, job, other)
            findings += await check_occupied(ctx, job, other)
            if not unreadable:
                findings += await check_parents(ctx, job, source, other)
    if rows and not unreadable:
        findings += await find_offenders(ctx, job, facts)
    return tuple(findings)


def refuse(findings: tuple[Finding, ...]) -> None:
    """Raise ``Refused`` that names every error; do nothing where there is none."""
    errors = [finding for finding in findings if finding.level == "error"]
    if not errors:
        return
    told = "\n".join(f"  {_told(error)}" for error in errors)
    hint = "`confiture migrate schema-to-schema plan` shows all that was found, and what to do"
    if COPY_ONLY in findings:
        hint += f"; {COPY_ONLY.message}: {COPY_ONLY.hint}"
    raise Refused(f"the migration cannot begin:\n{told}", hint=hint)


def _told(finding: Finding) -> str:
    keys = f" (keys: {', '.join(finding.keys)})" if finding.keys else ""
    table = f"{finding.table!r}: " if finding.check == "capture" and finding.table else ""
    return f"{table}{finding.message}{keys}" + (f"; {finding.hint}" if finding.hint else "")
