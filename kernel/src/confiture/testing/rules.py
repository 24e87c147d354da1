"""What the suites are made of."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio

from confiture.errors import ConfitureError

__all__ = ["RULE_TIMEOUT_S", "NotConforming", "expect", "expect_async", "expect_error", "run_rules"]

#: A rule that takes longer has met a provider that hangs.
RULE_TIMEOUT_S = 60.0


class NotConforming(AssertionError):
    """A provider breaks a rule of its kind. The message says which, and what was seen."""


def expect(condition: object, seen: str) -> None:
    """Raise ``NotConforming`` with what was seen, unless the condition holds."""
    if not condition:
        raise NotConforming(seen)


def expect_async(provider: object, *names: str) -> None:
    """The methods of these names are there and can be awaited."""
    for name in names:
        method = getattr(provider, name, None)
        expect(callable(method), f"it has no method {name!r}")
        expect(inspect.iscoroutinefunction(method), f"its {name!r} is not an async method")


@asynccontextmanager
async def expect_error(*types: type[ConfitureError], when: str) -> AsyncIterator[list[ConfitureError]]:
    """The block raises one of these; it is in the list afterwards."""
    caught: list[ConfitureError] = []
    names = " or ".join(type_.__name__ for type_ in types)
    try:
        yield caught
    except types as error:
        caught.append(error)
    except NotConforming:
        raise
    except Exception as error:
        raise NotConforming(f"{when}: raised {type(error).__name__} ({error}), not {names}") from error
    else:
        raise NotConforming(f"{when}: raised nothing, not {names}")


async def run_rules(rules: tuple[Callable[..., Awaitable[None]], ...], *arguments: Any) -> None:
    """Run the rules in order. Raises ``NotConforming`` naming the first that is broken."""
    for rule in rules:
        words = " ".join((rule.__doc__ or rule.__name__).split())
        try:
            with anyio.fail_after(RULE_TIMEOUT_S):
                await rule(*arguments)
        except NotConforming as broken:
            raise NotConforming(f"{words}\n  seen: {broken}") from broken
        except TimeoutError as error:
            raise NotConforming(f"{words}\n  seen: nothing for {RULE_TIMEOUT_S:g} s") from error
        except Exception as error:
            raise NotConforming(f"{words}\n  seen: {type(error).__name__}: {error}") from error
