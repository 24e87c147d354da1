"""Asks a person what became of what is gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.errors import ConfirmationNeeded
from confiture_diff.planning import new_name

if TYPE_CHECKING:
    from confiture.cli.shell import Shell
    from confiture.model import Question

__all__ = ["ask"]


def ask(shell: Shell, questions: Sequence[Question]) -> tuple[list[tuple[str, str]], list[str]]:
    """The renames and the drops that somebody chose. Raises ``ConfirmationNeeded`` where nothing is chosen."""
    renames: list[tuple[str, str]] = []
    drops: list[str] = []
    for question in questions:
        old = question.old.identity
        lines = [f"{question.old.kind} {old} is gone. What became of it?"]
        for number, rename in enumerate(question.renames, 1):
            why = f" ({', '.join(rename.evidence)})" if rename.evidence else ""
            lines.append(f"  {number}  renamed to {rename.new.identity}{why}")
        lines.append("  d  dropped, with all that it holds")
        answer = shell.ask("\n".join(lines) + "\n> ").strip().lower()
        if answer == "d":
            drops.append(old)
        elif answer.isdigit() and 1 <= int(answer) <= len(question.renames):
            new = question.renames[int(answer) - 1].new
            renames.append((old, new_name(old, new.identity)))
        else:
            raise ConfirmationNeeded(
                f"nothing was chosen for {question.old.kind} {old!r}", hint="run again, or decide with --rename, --drop"
            )
    return renames, drops
