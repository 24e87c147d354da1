"""What somebody said of names, found in the schemas.

A person writes ``users.full_name``: the schema may be missing (``public`` then, else the only one that fits), quotes
are needed where SQL needs them, and the kind is never said. A decision stays true when it has been carried out, so
the old name may be gone; then the new one must be there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from confiture.errors import UsageError
from confiture.model import Decisions, ObjectKey, SchemaObject
from confiture_catalog.renames.identity import bare, parts
from confiture_catalog.renames.likeness import near
from confiture_catalog.renames.world import ENUM_VALUE, World, enum_values

__all__ = ["Book", "Decided", "Path", "path_of"]

#: The bare names of an object, from its schema on; a routine's arguments last where they were given.
Path = tuple[str, ...]

#: What has no name of its own, or none that can change.
_NAMELESS = (
    "default",
    "default privileges",
    "privileges",
    "user mapping",
    "cast",
    "transform",
    "extension",
    "operator",
)
#: What stands in nothing; its path has no schema.
_GLOBAL = (
    "schema",
    "event trigger",
    "publication",
    "server",
    "foreign data wrapper",
    "language",
    "access method",
)


class Decided(msgspec.Struct, frozen=True):
    """A decision about two objects."""

    old: SchemaObject
    new: SchemaObject


def path_of(each: SchemaObject) -> Path:
    """The bare names that lead to an object."""
    if each.kind == ENUM_VALUE:
        assert each.parent is not None
        return (*(bare(part) for part in parts(each.parent.identity)[0]), each.name)
    return tuple(bare(part) for part in parts(each.identity)[0])


class _Index:
    """Objects of one side by their paths, and by what is left of those without the schema."""

    def __init__(self, objects: Mapping[tuple[str, str], SchemaObject]) -> None:
        self.full: dict[Path, list[SchemaObject]] = defaultdict(list)
        self.short: dict[Path, list[SchemaObject]] = defaultdict(list)
        self.last: dict[str, list[SchemaObject]] = defaultdict(list)
        for each in objects.values():
            if each.kind in _NAMELESS or each.kind.startswith("unsupported:"):
                continue
            self._add(each)
            if each.kind == "enum":
                for value in enum_values(each).values():
                    self._add(value)

    def _add(self, each: SchemaObject) -> None:
        path = path_of(each)
        self.full[path].append(each)
        if each.kind not in _GLOBAL:
            self.short[path[1:]].append(each)
        self.last[path[-1]].append(each)

    def find(self, path: Path, arguments: str = "") -> list[SchemaObject]:
        """What a path may mean: as it stands, in ``public``, in any schema. All that is left are equally good."""
        for found in (
            self.full.get(path, []),
            self.full.get(("public", *path), []),
            self.short.get(path, []),
        ):
            found = [each for each in found if not arguments or _arguments(each) == arguments]
            # The index of a constraint goes by the constraint.
            free = [each for each in found if not (each.kind == "index" and each.properties.get("constraint"))]
            if free:
                return free
        return []


def _arguments(each: SchemaObject) -> str:
    return "".join(parts(each.identity)[1].split())


class Book:
    """Decisions, read against both sides."""

    def __init__(self, world: World, decisions: Decisions) -> None:
        self._world = world
        self._decisions = [(*_read(old), *_read(new), old, new) for old, new in decisions.renames]
        self._old = _Index(world.old) if decisions.renames else _Index({})
        self._new = _Index(world.new) if decisions.renames else _Index({})

    def wholes(self) -> list[Decided]:
        """Decisions about what is a part of nothing."""
        found = []
        for old_path, arguments, new_path, new_arguments, *_ in self._decisions:
            found += self._decide(old_path, arguments, new_path, new_arguments, {}, parts_too=False)
        return found

    def parts(self, renamed: Iterable[Decided]) -> list[Decided]:
        """Decisions about parts, their wholes being renamed as said. Raises ``UsageError`` for one about nothing."""
        to_new = {path_of(each.old): path_of(each.new) for each in renamed}
        found: list[Decided] = []
        for old_path, arguments, new_path, new_arguments, old_text, new_text in self._decisions:
            decided = self._decide(old_path, arguments, new_path, new_arguments, to_new, parts_too=True)
            found += [each for each in decided if _is_part(each.old)]
            if not decided:
                self._check(old_path, new_path, old_text, new_text)
        _agree([*found, *renamed])
        return found

    def _decide(
        self,
        old_path: Path,
        arguments: str,
        new_path: Path,
        new_arguments: str,
        to_new: Mapping[Path, Path],
        *,
        parts_too: bool,
    ) -> list[Decided]:
        olds = self._old.find(old_path, arguments)
        from_new = {new: old for old, new in to_new.items()}
        if not olds and len(old_path) > 1 and parts_too:
            # Written with the name that its whole will have; or has had, before an earlier round.
            for new_parent, old_parent in from_new.items():
                if old_path[:-1] in (new_parent, new_parent[1:]):
                    olds = self._old.find((*old_parent, old_path[-1]), arguments)
        if not olds and len(old_path) > 1 and ("schema", old_path[0]) not in self._world.old:
            olds = self._old.find(old_path[1:], arguments)
        pairs = []
        for old in olds:
            if _is_part(old) and not parts_too:
                continue
            new = self._target(old, new_path, new_arguments, to_new)
            if new is not None:
                pairs.append(Decided(old, new))
        # There already: done, and perhaps the old name has been given anew. Equal names are no rename.
        pairs = [each for each in pairs if not self._there(each, to_new)]
        kinds = {each.old.kind for each in pairs if each.old.kind != "not null"}
        if len(pairs) > 1 and len(kinds) > 1:
            pairs = [each for each in pairs if each.old.kind == "column"] or pairs
        if len(pairs) > 1:
            names = ", ".join(f"{each.old.kind} {each.old.identity}" for each in pairs)
            raise UsageError(
                f'"{".".join(old_path)}" may be several things: {names}',
                hint="write the whole name, with its schema, and a function's with its arguments",
            )
        return pairs

    def _target(
        self, old: SchemaObject, new_path: Path, arguments: str, to_new: Mapping[Path, Path]
    ) -> SchemaObject | None:
        """What of the new side the new name means, seen from the old object."""
        path = path_of(old)
        if _is_part(old):
            parent = to_new.get(path[:-1], path[:-1])
            tried = [(*parent, new_path[-1])]
        elif old.kind in _GLOBAL:
            tried = [new_path[-1:]]
        elif len(new_path) == 1:
            tried = [(to_new.get(path[:1], path[:1])[0], new_path[0]), new_path]
        else:
            tried = [new_path]
        for each in tried:
            found = [
                new
                for new in self._new.find(each, arguments)
                if new.kind == old.kind and (not _arguments(old) or _arguments(new) == _arguments(old) or arguments)
            ]
            if _is_part(old):
                found = [new for new in found if path_of(new) == each]
            if found:
                return found[0]
        return None

    def _there(self, decided: Decided, to_new: Mapping[Path, Path]) -> bool:
        """Whether the old side has the new name already, for this very thing."""
        old, new = path_of(decided.old), path_of(decided.new)
        if _is_part(decided.old):
            new = (*old[:-1], new[-1])
        if old == new:
            return True
        return any(
            each.kind == decided.old.kind and _arguments(each) == _arguments(decided.new) and not self._leaves(each)
            for each in self._old.full.get(new, ())
        )

    def _leaves(self, each: SchemaObject) -> bool:
        """Whether a decision gives that object another name, so that its own is free."""
        path = path_of(each)
        return any(path in (old, ("public", *old)) or path[1:] == old for old, *_ in self._decisions)

    def _check(self, old_path: Path, new_path: Path, old_text: str, new_text: str) -> None:
        """Raise where a decision that did nothing says nothing that has been done either."""
        olds = self._old.find(old_path)
        if olds:
            stays = any(each.key in self._world.new or _is_label_in(self._new, each) for each in olds)
            if not stays and not self._new.last.get(new_path[-1]):
                raise self._nothing(new_text, "new", self._new, new_path)
            return
        removed = [each for kind in self._world.removed.values() for each in kind]
        if not self._new.last.get(new_path[-1]):
            raise self._nothing(old_text, "old", self._old, old_path)
        added = {path_of(each)[-1] for kind in self._world.added.values() for each in kind}
        slips = [each for each in removed if _is_slip(old_path, path_of(each))]
        if slips and new_path[-1] in added:
            raise self._nothing(old_text, "old", self._old, old_path, slips)

    def _nothing(
        self, text: str, side: str, index: _Index, path: Path, slips: Sequence[SchemaObject] = ()
    ) -> UsageError:
        names = [each.identity for each in slips] or sorted(
            {each.identity for name, found in index.last.items() if near(name, path[-1]) for each in found}
        )
        hint = f"near names: {', '.join(names[:5])}" if names else "write it as table.column, or schema.table.column"
        return UsageError(f'nothing in the {side} schema is named "{text}"', hint=hint)


def _is_label_in(index: _Index, each: SchemaObject) -> bool:
    return each.kind == ENUM_VALUE and any(other.kind == ENUM_VALUE for other in index.full.get(path_of(each), ()))


def _is_slip(written: Path, path: Path) -> bool:
    """Whether one part of a name is misspelt and the others are right."""
    tail = path[-len(written) :]
    return len(tail) == len(written) and all(
        one == other or near(one, other) for one, other in zip(written, tail, strict=True)
    )


def _features(each: SchemaObject, its_parts: Mapping[ObjectKey, list[SchemaObject]]) -> set[tuple[str, ...]]:
    """What an object is, without its name."""
    found = {(name, repr(value)) for name, value in each.properties.items()} | {("comment", str(each.comment))}
    inner = {(part.kind, part.name, str(part.properties.get("type"))) for part in its_parts.get(each.key, ())}
    return {*found, *inner}


def _is_part(each: SchemaObject) -> bool:
    """Whether the name of what it is a part of leads to it; an index is its table's, and named by its schema."""
    return each.parent is not None and each.kind not in ("index", "statistics", "sequence")


def _read(text: str) -> tuple[Path, str]:
    names, rest = parts(text.strip())
    if not all(names):
        raise UsageError(f'"{text}" is not a name', hint="write it as table.column, or schema.table.column")
    return tuple(bare(part) for part in names), "".join(rest.split())


def _agree(decided: Sequence[Decided]) -> None:
    """Raise where two decisions are about one thing."""
    for side in ("old", "new"):
        seen: dict[ObjectKey, Decided] = {}
        for each in decided:
            key = getattr(each, side).key
            other = seen.setdefault(key, each)
            if (other.old.key, other.new.key) != (each.old.key, each.new.key):
                names = sorted({end.identity for one in (other, each) for end in (one.old, one.new)})
                raise UsageError(
                    f"two decisions about one name: {', '.join(names)}",
                    hint="an object has one old name and one new one: take one of the two away",
                )
