"""Front matter: the YAML between two lines of dashes at the top of a note.

Every scalar stays the string that was typed: nothing becomes a number, a boolean or a date. Aliases
are rejected (a few lines of them can expand to gigabytes), as are documents that are huge or deeply
nested.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_OPEN = re.compile(r"---[ \t]*(?:\r\n|\r|\n)")
_CLOSE = re.compile(r"(?<=[\r\n])(?:---|\.\.\.)[ \t]*(?:\r\n|\r|\n|\Z)")
_KEY = re.compile(r"(?:[ \t]*#[^\r\n]*[\r\n]+)*[^\s:#>`|*+-][^:\r\n]{0,63}:(?=\s)")
_MAX_CHARACTERS = 32_768
_NO_TEXT = frozenset({"", "~", "null", "true", "false", "yes", "no", "on", "off"})


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The metadata at the top of a note."""

    values: dict[str, Any]
    """Values by lower-case key: strings, lists and mappings of strings, as typed."""
    end: int
    """Offset of the first character after the front matter; 0 if there is none."""
    start: int = 0
    """Offset of the first character after the opening dashes."""
    warnings: tuple[str, ...] = ()
    invalid_end: int = 0
    """Offset of the first character after invalid front matter, which is read as text; else 0."""


def parse_front_matter(text: str) -> FrontMatter:
    """Parse the front matter of `text`; invalid front matter stays text, with a warning."""
    opening = _OPEN.match(text)
    if opening is None:
        return FrontMatter({}, 0)
    closing = _CLOSE.search(text, opening.end())
    if closing is None or closing.start() - opening.end() > _MAX_CHARACTERS:
        reason = f"no closing --- within {_MAX_CHARACTERS:,} characters"
        return _invalid_front_matter(text, opening.end(), reason, 0)
    try:
        values = _yaml_values(text[opening.end() : closing.start()])
    except ValueError as error:
        return _invalid_front_matter(text, opening.end(), str(error), closing.end())
    return FrontMatter(values, closing.end(), opening.end())


def _invalid_front_matter(text: str, start: int, reason: str, end: int) -> FrontMatter:
    """Return no front matter; add a warning unless the dashes are a thematic break."""
    if not _KEY.match(text, start):
        return FrontMatter({}, 0)
    warning = f"invalid front matter, read as text: {reason}"
    return FrontMatter({}, 0, warnings=(warning,), invalid_end=end)


def _yaml_values(document: str) -> dict[str, Any]:
    from membrowse.notes.plain_yaml import load_strings

    values = load_strings(document)
    if values in (None, "") and not document.strip():
        return {}
    if not isinstance(values, dict):
        raise ValueError("not a mapping of keys to values")
    return {str(key).strip().lower(): value for key, value in values.items()}


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield name and text of every value: `a.b` for nested keys, lists joined by commas."""
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{name}.")
        else:
            yield name, _as_text(value)


def has_text(values: Mapping[str, Any], is_indexed: Callable[[str], bool]) -> bool:
    """Whether `values` contain text to search for under keys that are not indexed elsewhere."""
    others = {key: value for key, value in values.items() if not is_indexed(key)}
    return any(text.strip().lower() not in _NO_TEXT for _, text in _flatten(others))


def as_list(value: Any) -> list[str]:
    """Return a list, or a comma-separated string, as stripped strings without empty ones."""
    if isinstance(value, str):
        value = value.split(",")
    items = value if isinstance(value, list) else [value]
    return [text for text in (_as_text(item).strip() for item in items) if text]


def _as_text(item: Any) -> str:
    if isinstance(item, Mapping):
        return ", ".join(f"{key}: {value}" for key, value in _flatten(item))
    return ", ".join(as_list(item)) if isinstance(item, list) else str(item)
