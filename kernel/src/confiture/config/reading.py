"""Reads a TOML or YAML file into a typed struct: unknown keys are errors with the nearest name."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from confiture.errors import ConfigError
from confiture.registry import closest

__all__ = ["convert", "expand", "read_file"]

S = TypeVar("S")
_REFERENCE = re.compile(r"\$(\$)?\{([^}]*)\}")


def read_file(path: Path, shown: str) -> dict[str, Any]:
    """The file's top-level table. ``shown`` is how messages name it.

    Raises ``ConfigError`` with line and column when it does not parse, is not UTF-8 or is not a table.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot read {shown!r}: {error.strerror}", file=shown) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8", file=shown, hint="save it as UTF-8") from error
    loaded = _load_toml(text, shown) if path.suffix == ".toml" else _load_yaml(text, shown)
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError("must be a table of keys and values", file=shown)
    return loaded


def _load_toml(text: str, shown: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not valid TOML: {error}", file=shown) from error


def _load_yaml(text: str, shown: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "cannot be read"
        raise ConfigError(
            f"is not valid YAML: {problem}",
            file=shown,
            line=mark.line + 1 if mark else None,
            column=mark.column + 1 if mark else None,
        ) from error
    except ValueError as error:  # what looks like a date, and is none
        raise ConfigError(f"is not valid YAML: {error}", file=shown, hint="write it in quotes, as a text") from error


def convert(value: Mapping[str, Any], type_: type[S], *, file: str, section: str = "", references: bool = True) -> S:
    """``value`` as the struct ``type_``, its ``${ENV}`` references replaced unless ``references`` is False.

    Raises ``ConfigError`` naming the file, the key and, for an unknown key, the nearest known one.
    """
    expanded = expand(value, file=file, section=section) if references else value
    _refuse_unknown(expanded, type_, file, section)
    try:
        return msgspec.convert(expanded, type_)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        path = ".".join(part for part in (section, where.strip("`.")) if part)
        raise ConfigError(
            f"{path or 'the file'!r}: {what[:1].lower()}{what[1:]}", file=file, hint=_hint(type_, where, what)
        ) from error


#: What msgspec calls a type, and how a value of it is written in TOML and YAML.
_WRITTEN = {
    "bool": "write true or false, without quotes",
    "int": "write a whole number, without quotes",
    "float": "write a number, without quotes",
    "str": "write a text in quotes",
    "array": 'write a list: ["one", "two"]',
    "object": "write a table: [section], with the keys below it",
}


def _hint(type_: Any, where: str, what: str) -> str:
    """How the value that msgspec refused is written."""
    if "enum value" in what:
        annotation = get_type_hints(type_).get(where.strip("`."))
        options = [option for part in (annotation, *get_args(annotation)) for option in get_args(part) if option]
        if choices := [str(option) for option in options if isinstance(option, (str, int))]:
            return f"there are: {', '.join(choices)}"
    expected = what.partition("`")[2].partition("`")[0].partition(" ")[0]
    return _WRITTEN.get(expected, "the keys and their values are in the documentation of the configuration")


def expand(value: Any, *, file: str, section: str = "") -> Any:
    """``value`` with every ``${NAME}`` in its strings replaced by that environment variable; ``$${`` stays ``${``.

    Raises ``ConfigError`` naming the variable that is not set; its value is never shown.
    """
    if isinstance(value, str):

        def replace(match: re.Match[str]) -> str:
            if match[1]:
                return "${" + match[2] + "}"
            try:
                return os.environ[match[2]]
            except KeyError:
                raise ConfigError(
                    f"{section or 'a value'!r} refers to the environment variable {match[2]!r}, which is not set",
                    file=file,
                    hint=f"export {match[2]}=..., or write $${{{match[2]}}} for the text itself",
                ) from None

        return _REFERENCE.sub(replace, value)
    if isinstance(value, Mapping):
        return {
            key: expand(item, file=file, section=f"{section}.{key}" if section else str(key))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [expand(item, file=file, section=section) for item in value]
    return value


def _refuse_unknown(value: Mapping[str, Any], type_: Any, file: str, section: str) -> None:
    if not (isinstance(type_, type) and issubclass(type_, msgspec.Struct)):
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(type_)}
    for key, item in value.items():
        path = f"{section}.{key}" if section else str(key)
        if key not in fields:
            near = closest(str(key), fields)
            choices = f"the keys are: {', '.join(sorted(fields))}"
            raise ConfigError(
                f"unknown key {path!r}", file=file, hint=f"did you mean {near!r}? {choices}" if near else choices
            )
        if isinstance(item, Mapping):
            _refuse_unknown(item, fields[key].type, file, path)
