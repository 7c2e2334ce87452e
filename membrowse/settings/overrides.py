"""Override single settings by their dotted keys, as tuning and saved configurations do."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

import msgspec

from membrowse.settings.loader import SettingsError
from membrowse.settings.values import RerankMethod, Settings
from membrowse.wire.overrides import Overrides

SECTIONS = ("keyword", "vector", "fusion", "rerank", "agent")
"""Sections that can be overridden at any time, because they do not shape the index."""
_AT_START = {"rerank.model": "is read only when an engine starts"}


def overridden(settings: Settings, overrides: Overrides) -> Settings:
    """`settings` with the values of `overrides` (`{"fusion.weight": 0.62}`).

    Raises `SettingsError`, with key and reason, if a key is unknown, a value is invalid, or a
    setting cannot change without a restart or another index.
    """
    for key, value in overrides.items():
        settings = _replaced_setting(settings, key.split("."), value, key)
    rerank = settings.rerank
    if "rerank.method" in overrides and rerank.method is RerankMethod.CROSS_ENCODER:
        if not rerank.model:
            raise SettingsError("rerank.method: cross-encoder needs a model (`rerank.model`)")
    return settings


def flat(settings: Settings) -> dict[str, Any]:
    """Every setting by its dotted key; enumerations are plain strings."""
    return dict(_setting_values(settings, ""))


def _setting_values(node: msgspec.Struct, prefix: str) -> Iterator[tuple[str, Any]]:
    for field in msgspec.structs.fields(node):
        value = getattr(node, field.name)
        if isinstance(value, msgspec.Struct):
            yield from _setting_values(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", _plain(value)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    return msgspec.to_builtins(value) if isinstance(value, dict) else value


def _replaced_setting(settings: Settings, path: list[str], value: object, key: str) -> Settings:
    if path[0] not in SECTIONS:
        known = path[0] in (field.name for field in msgspec.structs.fields(settings))
        reason = "belongs to the settings file" if known else "there is no such setting"
        raise SettingsError(f"{key}: {reason}; only {', '.join(SECTIONS)} can be changed here")
    if key in _AT_START:
        raise SettingsError(f"{key}: {_AT_START[key]}; set it in the settings file")
    changed: Settings = _put_value(settings, path, value, key)
    return changed


def _put_value(node: Any, path: list[str], value: object, key: str) -> Any:
    """`node` with the value at `path` replaced."""
    name, *below = path
    types = {field.name: field.type for field in msgspec.structs.fields(node)}
    inner = getattr(node, name, None)
    if name not in types or bool(below) is not isinstance(inner, msgspec.Struct):
        raise SettingsError(f"{key}: there is no such setting")
    if below:
        return msgspec.structs.replace(node, **{name: _put_value(inner, below, value, key)})
    try:
        converted = msgspec.convert(value, types[name], strict=True)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"{key} = {value!r}: {str(error)[:1].lower()}{str(error)[1:]}"
        ) from error
    return msgspec.structs.replace(node, **{name: converted})
