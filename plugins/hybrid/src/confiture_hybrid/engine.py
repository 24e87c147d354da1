"""The transfer engine ``hybrid``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from confiture.errors import ConfigError, Refused
from confiture.hooks import TRANSFER
from confiture.model import Mask, Target, TransferReport, TransferSurvey, TransferTask
from confiture.protocols import PreparingEngine, SurveyingEngine
from confiture_hybrid.choosing import choose
from confiture_hybrid.config import SECTION, HybridConfig
from confiture_hybrid.reading import complexity
from confiture_hybrid.sampling import Rates

if TYPE_CHECKING:
    from confiture.protocols import Context, TransferEngine

__all__ = ["HybridEngine"]

_NAME: Final = "hybrid"


class HybridEngine:
    """Chooses another engine for each task: by size and mapping, corrected by a timed sample."""

    def accepts(self, task: TransferTask, masks: Sequence[Mask] = ()) -> bool:
        """Any: which engines there are is known in a run only, and :meth:`transfer` refuses what none of them takes."""
        return True

    async def survey(
        self, ctx: Context, tasks: Sequence[TransferTask], *, stands_for: Target | None = None, sample: bool = True
    ) -> Sequence[TransferSurvey]:
        """The engine of each task, and why. See ``SurveyingEngine.survey``."""
        config = ctx.settings(SECTION, HybridConfig)
        engines = _engines(ctx, config)
        answers = {
            name: await _ask(ctx, name, engine, tasks, stands_for=stands_for, sample=sample)
            for name, engine in engines.items()
        }
        rates = Rates(ctx, config, engines, sample=sample and config.sample)
        surveys: dict[int, TransferSurvey] = {}
        # The largest first: there is most to be won, and there may not be time for samples of all of them.
        for number in sorted(range(len(tasks)), key=lambda number: -(tasks[number].estimated_rows or 0)):
            of_task = {name: found[number] for name, found in answers.items()}
            surveys[number] = await _choose(config, tasks[number], of_task, rates)
        return tuple(surveys[number] for number in range(len(tasks)))

    async def transfer(self, ctx: Context, task: TransferTask, masks: Sequence[Mask] = ()) -> TransferReport:
        """Have the rule's engine move the rows, or the one that can; no sample. See ``TransferEngine.transfer``."""
        config = ctx.settings(SECTION, HybridConfig)
        engines = {name: engine for name, engine in _engines(ctx, config).items() if engine.accepts(task, masks)}
        if not engines:
            raise Refused(
                f"neither {config.small!r} nor {config.large!r} takes the rows of {task.table!r} as they are asked for",
                hint="name other engines in [hybrid], or another one in place of hybrid",
            )
        answers = {name: (await _ask(ctx, name, engine, [task]))[0] for name, engine in engines.items()}
        survey = await _choose(config, task, answers, Rates(ctx, config, engines, sample=False))
        # Where none can, the last one asked says why, in words of its own.
        name = next(iter(engines)) if survey.obstacle is not None else survey.engine
        return await ctx.get(TRANSFER, name).transfer(ctx, task, masks)

    async def prepare(self, ctx: Context, tasks: Sequence[TransferTask]) -> None:
        """Have both engines make what they need. See ``PreparingEngine.prepare``."""
        for engine in _engines(ctx, ctx.settings(SECTION, HybridConfig)).values():
            if isinstance(engine, PreparingEngine):
                await engine.prepare(ctx, tasks)

    async def remove(self, ctx: Context, target: Target) -> Sequence[str]:
        """Have both engines remove what they made. See ``PreparingEngine.remove``."""
        removed: list[str] = []
        for engine in _engines(ctx, ctx.settings(SECTION, HybridConfig)).values():
            if isinstance(engine, PreparingEngine):
                removed += await engine.remove(ctx, target)
        return tuple(removed)


def _engines(ctx: Context, config: HybridConfig) -> dict[str, TransferEngine]:
    """Both engines by name. Raises ``UnknownProvider``; ``ConfigError`` where one is this engine itself."""
    names = dict.fromkeys((config.large, config.small))
    if _NAME in names:
        raise ConfigError(f"[hybrid] names {_NAME!r} itself", hint="name engines that move rows: copy, fdw")
    return {name: ctx.get(TRANSFER, name) for name in names}


async def _ask(
    ctx: Context,
    name: str,
    engine: TransferEngine,
    tasks: Sequence[TransferTask],
    *,
    stands_for: Target | None = None,
    sample: bool = False,
) -> Sequence[TransferSurvey]:
    if isinstance(engine, SurveyingEngine):
        return await engine.survey(ctx, tasks, stands_for=stands_for, sample=sample)
    return [
        TransferSurvey(engine=name, obstacle=None if engine.accepts(task) else "it does not take this query")
        for task in tasks
    ]


async def _choose(
    config: HybridConfig, task: TransferTask, answers: Mapping[str, TransferSurvey], rates: Rates
) -> TransferSurvey:
    """One of the engines' answers, with the reason for that one."""
    usable = {name: survey for name, survey in answers.items() if survey.obstacle is None}
    cannot = "; ".join(f"{name} cannot: {survey.obstacle}" for name, survey in answers.items() if survey.obstacle)
    if not usable:
        hints = dict.fromkeys(survey.hint for survey in answers.values() if survey.hint)
        return TransferSurvey(engine=_NAME, obstacle=cannot, hint="; or: ".join(hints) or None)
    if len(usable) == 1:
        survey = next(iter(usable.values()))
        return msgspec.structs.replace(survey, because=_joined(cannot, survey.because))
    measured, unsampled = await rates.of(task, usable)
    figures = {name: rate.rows_per_second for name, rate in measured.items()}
    choice = choose(config, task.estimated_rows or 0, complexity(task.query), figures, unsampled)
    survey = usable[choice.engine]
    rate = measured.get(choice.engine)
    return msgspec.structs.replace(
        survey,
        because=_joined(choice.because, survey.because),
        rows_per_second=rate.rows_per_second if rate else survey.rows_per_second,
        bytes_per_second=rate.bytes_per_second if rate else survey.bytes_per_second,
    )


def _joined(*parts: str) -> str:
    return "; ".join(filter(None, parts))
