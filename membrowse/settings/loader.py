"""Read the settings: the file, then the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import msgspec

from membrowse.errors import MembrowseError
from membrowse.settings.values import Settings

PREFIX = "MEMBROWSE_"


class SettingsError(MembrowseError, ValueError):
    """A setting that cannot be used; the message says where it is and what is expected."""


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    """The values of the `MEMBROWSE_SECTION_KEY` variables, by section and key."""
    sections: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        prefix = f"{PREFIX}{field.name.upper()}_"
        for name, text in environment.items():
            if not name.startswith(prefix):
                continue
            key = name.removeprefix(prefix).lower()
            target = sections.setdefault(field.name, {})
            if key.startswith("weights_"):
                target, key = target.setdefault("weights", {}), key.removeprefix("weights_")
            target[key] = _toml_value(text)
    return sections


def _toml_value(text: str) -> Any:
    try:
        return _toml(f"value = {text}")["value"]
    except ValueError:
        return text


def _toml(text: str) -> dict[str, Any]:
    """The content of a TOML document. Raises `ValueError`."""
    import tomllib  # 8 ms, and most people have no settings file

    return tomllib.loads(text)


def _merged_tables(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` updated with `over`, table by table."""
    result = dict(base)
    for key, value in over.items():
        known = result.get(key)
        both_tables = isinstance(known, dict) and isinstance(value, Mapping)
        result[key] = _merged_tables(known, value) if both_tables and known is not None else value
    return result


def load(file: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings from `file` (which need not exist) and `environment`.

    Raises `SettingsError` for a file that is not TOML, an unknown key or a value out of range.
    """
    return of(content_of(file), file, environment)


def content_of(file: Path) -> dict[str, Any]:
    """The content of `file`, which is TOML; empty if it does not exist. Raises `SettingsError`."""
    try:
        return _toml(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file}: cannot be read as TOML: {error}") from error


def of(content: dict[str, Any], file: Path, environment: Mapping[str, str]) -> Settings:
    """The settings of `content`, read from `file`, and `environment`. Raises `SettingsError`."""
    _convert(content, str(file))
    return _convert(_merged_tables(content, _from_environment(environment)), f"{PREFIX}* variables")


def _convert(content: Mapping[str, Any], place: str) -> Settings:
    try:
        return msgspec.convert(content, Settings, strict=True)
    except msgspec.ValidationError as error:
        problem = _with_names(str(error), content)
        raise SettingsError(
            f"{place}: {problem}{_range_of(str(error))}. `membrowse config show` lists the keys "
            "and their values."
        ) from error


def _with_names(error: str, content: Mapping[str, Any]) -> str:
    """`error` with the keys of tables in which any key is allowed; msgspec writes `[...]`.

    A key is the one sought if the error is the same without all others of its table.
    """
    message, found, place = error.rpartition(" - at `$")
    path: list[str] = []
    for step in re.findall(r"\.\w+|\[[^]]*\]", place):
        if step == "[...]":
            keys = reduce(getitem, path, content)
            alone = ((key, _with_one_key(content, path, key)) for key in keys)
            step, content = next(each for each in alone if _error(each[1]) == error)
        path.append(step.removeprefix("."))
    return f"{message} - at `{_dotted(path)}`" if found else error


def _with_one_key(table: Mapping[str, Any], path: Sequence[str], key: str) -> dict[str, Any]:
    """`table` with `key` alone in the table at `path`."""
    if not path:
        return {key: table[key]}
    return {**table, path[0]: _with_one_key(table[path[0]], path[1:], key)}


def _error(content: Mapping[str, Any]) -> str:
    try:
        msgspec.convert(content, Settings, strict=True)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


def _dotted(path: Iterable[str]) -> str:
    """The keys as TOML writes them."""
    keys = (key if re.fullmatch(r"[\w-]+|\[\d+\]", key) else f'"{key}"' for key in path)
    return ".".join(keys).replace(".[", "[")


def _range_of(error: str) -> str:
    """The range of the setting that `error` names, or empty."""
    found = re.search(r"`\$\.([a-z0-9_.]+)`", error)
    node: Any = Settings
    for name in found[1].split(".") if found else ():
        types = {field.name: field.type for field in msgspec.structs.fields(node)}
        node = types.get(name, Settings)
    for meta in getattr(node, "__metadata__", ()):
        return f" (from {meta.ge:,.10g} to {meta.le:,.10g})"
    return ""
