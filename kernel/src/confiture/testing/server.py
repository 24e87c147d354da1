"""The rules of a server."""

from __future__ import annotations

from confiture.config import Environment
from confiture.errors import FeatureMissing
from confiture.model import ServerStatus, Target
from confiture.protocols import Context, Server
from confiture.testing.rules import expect, expect_async, expect_error, run_rules

__all__ = ["check_server"]


async def check_server(ctx: Context, server: Server, environment: Environment) -> None:
    """A server keeps the rules of its kind for ``environment``. Raises ``NotConforming``.

    The server is stopped in between if it can be: give it an environment of its own.
    """
    await run_rules((acquires, tells, lacks, stops), ctx, server, environment)


async def acquires(ctx: Context, server: Server, environment: Environment) -> None:
    """``acquire`` gives an address that can be connected to, the same one each time; the database need not exist."""
    expect_async(server, "acquire", "status", "check", "stop")
    target = await server.acquire(ctx, environment)
    expect(isinstance(target, Target), f"a {type(target).__name__}")
    expect(target.label == environment.name, f"the label {target.label!r}, not the environment's name")
    expect(target.database, "an empty database name")
    if environment.database is not None:
        expect(target.database == environment.database, f"the database {target.database!r}")
    async with ctx.connect_maintenance(target) as connection:
        expect(await connection.fetchval("SELECT 1") == 1, "no answer")
    again = await server.acquire(ctx, environment)
    expect(again == target, "another target the second time")


async def tells(ctx: Context, server: Server, environment: Environment) -> None:
    """``status`` says that a server runs that was acquired, its version, and nothing secret."""
    target = await server.acquire(ctx, environment)
    status = await server.status(ctx, environment)
    expect(isinstance(status, ServerStatus), f"a {type(status).__name__}")
    expect(status.state == "running", f"the state {status.state!r}")
    expect(status.version and status.version[0].isdigit(), f"the version {status.version!r}")
    password = target.params.get("password")
    expect(not password or password not in repr(status), "the password in the status")


async def lacks(ctx: Context, server: Server, environment: Environment) -> None:
    """``check`` is content with nothing and names an extension that nobody has."""
    target = await server.acquire(ctx, environment)
    await server.check(ctx, target, (), ())
    await server.check(ctx, target, (), ("plpgsql",))
    async with expect_error(FeatureMissing, when="an extension that nobody has") as caught:
        await server.check(ctx, target, (), ("nobody_wrote_this",))
    expect("nobody_wrote_this" in caught[0].message, f"the message {caught[0].message!r}")


async def stops(ctx: Context, server: Server, environment: Environment) -> None:
    """``stop`` tells whether there was anything to stop; what was stopped can be acquired again."""
    target = await server.acquire(ctx, environment)
    stopped = await server.stop(ctx, environment)
    expect(isinstance(stopped, bool), f"a {type(stopped).__name__}")
    status = await server.status(ctx, environment)
    expect(isinstance(status, ServerStatus), f"a {type(status).__name__}")
    if stopped:
        expect(status.state == "stopped", f"the state {status.state!r} after stop")
        expect(await server.stop(ctx, environment) is False, "there was something to stop the second time")
        expect((await server.acquire(ctx, environment)).database == target.database, "another database than before")
    else:
        expect(status.state == "running", f"nothing was stopped, and the state is {status.state!r}")
