"""Front matter: the YAML between two lines of dashes at the top of a note.

Read with every scalar as the string that was typed: nothing is taken for a number, a boolean or a
date behind the person's back. Aliases are refused (a few lines of them can mean gigabytes), and so
are documents that are huge or nested too deeply for metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_OPEN = re.compile(r"---[ \t]*(?:\r\n|\r|\n)")
_CLOSE = re.compile(r"(?<=[\r\n])(?:---|\.\.\.)[ \t]*(?:\r\n|\r|\n|\Z)")
_KEY = re.compile(r"(?:[ \t]*#[^\r\n]*[\r\n]+)*[^\s:#>`|*+-][^:\r\n]{0,63}:(?=\s)")
_MAX_CHARACTERS = 32_768


class Broken(Exception):
    """What is not front matter; the message says why."""


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The metadata of a note."""

    values: dict[str, Any]
    """By key in lower case: strings, lists and mappings of strings, as typed."""
    end: int
    """Offset of the first character after it; 0 where there is none."""
    warnings: tuple[str, ...] = ()
    broken: int = 0
    """Offset of the first character after broken front matter, which is text."""


def front_matter(text: str) -> FrontMatter:
    """The front matter of `text`. What is broken stays text, with a warning."""
    opening = _OPEN.match(text)
    if opening is None:
        return FrontMatter({}, 0)
    closing = _CLOSE.search(text, opening.end())
    if closing is None or closing.start() - opening.end() > _MAX_CHARACTERS:
        missing = f"no line of --- ends it within {_MAX_CHARACTERS:,} characters"
        return _taken_as_text(text, opening.end(), missing, 0)
    try:
        values = _values(text[opening.end() : closing.start()])
    except Broken as error:
        return _taken_as_text(text, opening.end(), str(error), closing.end())
    return FrontMatter(values, closing.end())


def _taken_as_text(text: str, start: int, reason: str, end: int) -> FrontMatter:
    """No front matter; with a warning if it was meant to be, not if the --- is a mere line."""
    if not _KEY.match(text, start):
        return FrontMatter({}, 0)
    return FrontMatter({}, 0, (f"front matter is broken, taken as text: {reason}",), end)


def _values(document: str) -> dict[str, Any]:
    from membrowse.notes.plain_yaml import loaded

    values = loaded(document)
    if values in (None, "") and not document.strip():
        return {}
    if not isinstance(values, dict):
        raise Broken("it is not a list of keys and values")
    return {str(key).strip().lower(): value for key, value in values.items()}


def flattened(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every value as a string: `a.b` for nested keys, lists joined by commas."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flattened(value, f"{name}.")
        else:
            yield name, _as_text(value)


def listed(value: Any) -> list[str]:
    """A list, or a string of values between commas, as trimmed strings without empty ones."""
    if isinstance(value, str):
        value = value.split(",")
    items = value if isinstance(value, list) else [value]
    return [text for text in (_as_text(item).strip() for item in items) if text]


def _as_text(item: Any) -> str:
    if isinstance(item, Mapping):
        return ", ".join(f"{key}: {value}" for key, value in flattened(item))
    return ", ".join(listed(item)) if isinstance(item, list) else str(item)
