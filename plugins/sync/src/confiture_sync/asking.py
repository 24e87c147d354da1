"""What cannot be asked for: options that exclude each other, and numbers that mean nothing."""

from __future__ import annotations

from confiture.errors import UsageError
from confiture_sync.model import SyncRequest

__all__ = ["check_request"]


def check_request(request: SyncRequest) -> None:
    """Look at the request alone, before anything is read. Raises ``UsageError``."""
    for one, other, hint in (
        ("truncate", "upsert", "--truncate takes all rows out first, --upsert leaves those that the source has not"),
        ("resume", "truncate", "the run that is resumed has emptied its tables already: leave --truncate out"),
        ("resume", "dry_run", "a dry run without --resume says what a new run would do"),
    ):
        if getattr(request, one) and getattr(request, other):
            raise UsageError(f"{_option(one)} and {_option(other)} exclude each other", hint=hint)
    if not request.mask and request.anonymize:
        raise UsageError("--no-mask and --anonymize exclude each other", hint="leave one of them out")
    if request.mask and request.confirm is not None:
        raise UsageError("--confirm goes with --no-mask", hint="leave it out: nothing else asks for it")
    for name in ("jobs", "max_rows"):
        number = getattr(request, name)
        if number is not None and number < 1:
            raise UsageError(f"{_option(name)} is {number}", hint="give a number of 1 or more, or leave it out")
    for column, reason in request.keep.items():
        if not reason.strip():
            raise UsageError(
                f"--keep {column!r} has no reason", hint=f"say why it may leave as it is: --keep '{column}=a reason'"
            )
    if both := sorted(set(request.anonymize) & set(request.keep)):
        raise UsageError(f"{both[0]!r} is in --anonymize and in --keep", hint="it can be masked or kept: leave one out")


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"
