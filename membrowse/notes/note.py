"""A parsed note: its title, date, tags and where its text begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from typing import Any

from membrowse.notes.dates import find_date
from membrowse.notes.front_matter import as_list, parse_front_matter
from membrowse.notes.reader import FileContent

FRONT_MATTER, FILE_NAME, MTIME = "front matter", "file name", "mtime"
MAX_HEADING_CHARACTERS = 200
"""Titles, headings and tags are cut to this length; the note's text keeps them whole."""
MAX_TAGS = 50
"""Limits tags, since every chunk of a note carries them."""

_DATE_KEYS = ("date", "created")
_TAG_KEYS = ("tags", "tag")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_LEADING = re.compile(r"(?:\s|<!--.*?-->)*", re.DOTALL)
_ATX = re.compile(r" {0,3}#(?:[ \t]+([^\r\n]*))?(?:[\r\n]|\Z)")
_ATX_TAIL = re.compile(r"(?:^|[ \t]+)#+[ \t]*\Z")
_SETEXT = re.compile(r" {0,3}(?![#>|`~+*-] ?)(\S[^\r\n]*)(?:\r\n|\r|\n) {0,3}=+[ \t]*(?:[\r\n]|\Z)")


@dataclass(frozen=True, slots=True)
class Note:
    """A file of the folder as a note."""

    path: str
    title: str
    """From front matter, else the level-1 heading at the top of the text, else empty."""
    name: str
    """For display: the title, else the file name without extension."""
    date: str
    """ISO date, `2026-03-02`."""
    date_source: str
    """`front matter`, `file name` or `mtime`."""
    tags: tuple[str, ...]
    warnings: tuple[str, ...]
    text: str
    """The whole file, including front matter."""
    body_offset: int
    """Offset of the first character after the front matter."""
    invalid_end: int = 0
    """Offset of the first character after invalid front matter; 0 if it is valid or absent."""


def parse_note(content: FileContent) -> Note:
    """Parse a file as a note. Any text is a note; problems become warnings."""
    head = parse_front_matter(content.text)
    warnings = [*content.warnings, *head.warnings]
    title = one_line(_text(head.values.get("title"))) or _first_heading(
        content.text, max(head.end, head.invalid_end)
    )
    stem = PurePosixPath(content.path).stem
    day, day_source = _date(head.values, stem, content.mtime_ns, warnings)
    return Note(
        path=content.path,
        title=title,
        name=title or stem,
        date=day,
        date_source=day_source,
        tags=_tags(head.values, warnings),
        warnings=tuple(warnings),
        text=content.text,
        body_offset=head.end,
        invalid_end=head.invalid_end,
    )


def one_line(text: str) -> str:
    """Return `text` on one line, cut to `MAX_HEADING_CHARACTERS`."""
    text = " ".join(text.split())
    if len(text) <= MAX_HEADING_CHARACTERS:
        return text
    return text[: MAX_HEADING_CHARACTERS - 1].rstrip() + "…"


def _date(values: dict[str, Any], stem: str, mtime_ns: int, warnings: list[str]) -> tuple[str, str]:
    for key in _DATE_KEYS:
        value = _text(values.get(key))
        if not value:
            continue
        if day := find_date(value[:64]):
            return day, FRONT_MATTER
        warnings.append(f"front matter: {key} is not a date: {one_line(value)}")
    if day := find_date(stem):
        return day, FILE_NAME
    try:
        return datetime.fromtimestamp(mtime_ns / 1e9, UTC).date().isoformat(), MTIME
    except (OverflowError, ValueError, OSError):
        return date(1970, 1, 1).isoformat(), MTIME


def _text(value: Any) -> str:
    """Return a front matter scalar; empty for null and for lists or mappings."""
    if not isinstance(value, str) or value in _NULLS:
        return ""
    return value.strip()


def _tags(values: dict[str, Any], warnings: list[str]) -> tuple[str, ...]:
    written = [item for key in _TAG_KEYS for item in as_list(values.get(key, ""))]
    tags = dict.fromkeys(one_line(item.lstrip("#")) for item in written)
    kept = tuple(tag for tag in tags if tag not in _NULLS)
    if len(kept) > MAX_TAGS:
        warnings.append(f"front matter: only the first {MAX_TAGS} of {len(kept)} tags are kept")
    return kept[:MAX_TAGS]


def _first_heading(text: str, offset: int) -> str:
    """Return the level-1 heading at the top of the text from `offset`, ignoring comments."""
    leading = _LEADING.match(text, offset)
    start = leading.end() if leading else offset
    start = max(offset, *(text.rfind(end, offset, start) + 1 for end in "\r\n"))
    if match := _ATX.match(text, start):
        words = " ".join((match.group(1) or "").split())  # the tail backtracks over white space
        return one_line(_ATX_TAIL.sub("", words))
    match = _SETEXT.match(text, start)
    return one_line(match.group(1)) if match else ""
