"""The rules of a medium."""

from __future__ import annotations

from typing import Any

import msgspec

from confiture.protocols import Context, Medium
from confiture.testing.rules import expect, expect_async, run_rules

__all__ = ["check_medium"]


async def check_medium(ctx: Context, medium: Medium, request: Any) -> None:
    """A medium keeps the rules of its kind; ``request`` is one that it can carry out. Raises ``NotConforming``."""
    await run_rules((takes_values, reports), ctx, medium, request)


async def takes_values(ctx: Context, medium: Medium, request: Any) -> None:
    """The request is a frozen msgspec struct that JSON carries there and back."""
    expect_async(medium, "run")
    type_ = medium.request_type
    expect(isinstance(type_, type) and issubclass(type_, msgspec.Struct), f"the request type {type_!r}")
    expect(type_.__struct_config__.frozen, f"{type_.__name__} is not frozen")
    expect(isinstance(request, type_), f"the request of the test is a {type(request).__name__}")
    back = msgspec.json.decode(msgspec.json.encode(request), type=type_)
    expect(back == request, f"JSON gives back {back!r}")


async def reports(ctx: Context, medium: Medium, request: Any) -> None:
    """The report is a frozen msgspec struct that can be written as JSON."""
    report = await medium.run(ctx, request)
    expect(isinstance(report, msgspec.Struct), f"a {type(report).__name__}")
    expect(type(report).__struct_config__.frozen, f"{type(report).__name__} is not frozen")
    back = msgspec.json.decode(msgspec.json.encode(report), type=type(report))
    expect(back == report, "JSON gives back another report")
