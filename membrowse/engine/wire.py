"""What is sent, as JSON."""

from __future__ import annotations

from typing import Any

import msgspec


def encoded(value: object) -> bytes:
    """`value` as JSON. Bytes of a path that are not UTF-8 are replaced: names need not be text."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_readable(msgspec.to_builtins(value)))


def _readable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_readable(key): _readable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(item) for item in value]
    return value
