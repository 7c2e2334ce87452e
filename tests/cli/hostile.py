"""Records whose every text is hostile."""

from __future__ import annotations

from enum import Enum
from typing import Any, TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)

HOSTILE = "a\x1b[31mb\x1b]52;c;aGk=\x07\u202e\x9b[/tmp][bold]:smile:\ttab\nline\u200b"


def filled(record: T, text: str) -> T:
    """`record` with every text in it, however deep, replaced by `text`; enumerations stay."""
    changed = {
        field.name: _filled(getattr(record, field.name), text)
        for field in msgspec.structs.fields(record)
    }
    return msgspec.structs.replace(record, **changed)


def acts(text: str) -> set[str]:
    """The characters of `text` that could act on a terminal."""
    return set(text) & set("\x1b\x07\u202e\x9b\t\r\u200b")


def _filled(value: Any, text: str) -> Any:
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return text
    if isinstance(value, msgspec.Struct):
        return filled(value, text)
    if isinstance(value, tuple):
        return tuple(_filled(one, text) for one in value)
    if isinstance(value, dict):
        return {key: _filled(one, text) for key, one in value.items()}
    return value
