"""Records as JSON and back."""

from __future__ import annotations

from typing import Any

import msgspec


def encode(record: object) -> bytes:
    """`record` as JSON; bytes of a path that are not UTF-8 become replacement characters."""
    try:
        return msgspec.json.encode(record)
    except UnicodeEncodeError:
        return msgspec.json.encode(_valid_value(msgspec.to_builtins(record)))


def _valid_value(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_valid_value(key): _valid_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_valid_value(item) for item in value]
    return value
