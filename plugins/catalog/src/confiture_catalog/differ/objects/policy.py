"""Row-level security policies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, Way, sql
from confiture_catalog.differ.names import bare
from confiture_catalog.differ.world import World

__all__ = ["PolicyHandler"]


class PolicyHandler(Handler):
    """CREATE, ALTER and DROP POLICY."""

    kinds = ("policy",)
    rank = 85

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE POLICY."""
        words = [f"CREATE POLICY {_on(new)}"]
        if new.properties.get("restrictive"):
            words.append("AS RESTRICTIVE")
        if (command := str(new.properties.get("command") or "all")) != "all":
            words.append(f"FOR {command.upper()}")
        return (sql(" ".join([*words, *_said(new, "roles", "using", "check")])),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP POLICY."""
        return (sql(f"DROP POLICY {_on(old)}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """ALTER POLICY changes roles and expressions; it takes none away, and the command stays."""
        was, becomes = old.properties, new.properties
        if any(was.get(name) != becomes.get(name) for name in ("command", "restrictive")):
            return Way.REPLACE
        if any(was.get(name) and not becomes.get(name) for name in ("using", "check")):
            return Way.REPLACE
        changed = [name for name in ("roles", "using", "check") if was.get(name) != becomes.get(name)]
        return [sql(" ".join([f"ALTER POLICY {_on(new)}", *_said(new, *changed)]))]


def _on(policy: SchemaObject) -> str:
    assert policy.parent is not None
    return f"{bare(policy)} ON {policy.parent.identity}"


def _said(policy: SchemaObject, *names: str) -> list[str]:
    roles = policy.properties.get("roles")
    words = {
        "roles": f"TO {', '.join(str(each) for each in roles)}" if isinstance(roles, tuple) else "TO PUBLIC",
        "using": f"USING ({policy.properties.get('using')})",
        "check": f"WITH CHECK ({policy.properties.get('check')})",
    }
    return [words[name] for name in names if policy.properties.get(name)]
