"""A file taken for a note: its title, date, tags, and where its text begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from typing import Any

from membrowse.notes.dates import real_date
from membrowse.notes.front_matter import flattened, front_matter, listed
from membrowse.notes.reader import Source

FRONT_MATTER, FILE_NAME, MTIME = "front matter", "file name", "mtime"
LONGEST_HEADING = 200
"""Characters of a title, heading or tag that are kept; the text of the note keeps all."""
MOST_TAGS = 50
"""Every chunk of a note holds its tags."""

_DATE_KEYS = ("date", "created")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_LEADING = re.compile(r"(?:\s|<!--.*?-->)*", re.DOTALL)
_ATX = re.compile(r" {0,3}#(?:[ \t]+([^\r\n]*))?(?:[\r\n]|\Z)")
_ATX_TAIL = re.compile(r"(?:^|[ \t]+)#+[ \t]*\Z")
_SETEXT = re.compile(r" {0,3}(?![#>|`~+*-] ?)(\S[^\r\n]*)(?:\r\n|\r|\n) {0,3}=+[ \t]*(?:[\r\n]|\Z)")


@dataclass(frozen=True, slots=True)
class Note:
    """A file of the folder with what it says about itself."""

    path: str
    title: str
    """From front matter, else the level-1 heading the text begins with, else empty."""
    name: str
    """The title, or the file's name without its extension: for display."""
    date: str
    """ISO date, `2026-03-02`."""
    date_source: str
    """`front matter`, `file name` or `mtime`."""
    tags: tuple[str, ...]
    aliases: tuple[str, ...]
    metadata: dict[str, str]
    """All of the front matter, flattened: `a.b` for nested keys, lists joined by commas."""
    warnings: tuple[str, ...]
    text: str
    """The whole file, front matter included."""
    body_offset: int
    """Where the text after the front matter begins, in characters."""
    broken_offset: int = 0
    """Where the text after broken front matter begins; 0 if none is broken."""


def parse(source: Source) -> Note:
    """Take `source` for a note. Every text is one; what is odd about it becomes a warning."""
    head = front_matter(source.text)
    warnings = [*source.warnings, *head.warnings]
    title = one_line(_text(head.values.get("title"))) or _first_heading(
        source.text, max(head.end, head.broken)
    )
    stem = PurePosixPath(source.path).stem
    day, day_source = _dated(head.values, stem, source.mtime_ns, warnings)
    return Note(
        path=source.path,
        title=title,
        name=title or stem,
        date=day,
        date_source=day_source,
        tags=_several(head.values, warnings, "tags", "tag"),
        aliases=_several(head.values, warnings, "aliases", "alias"),
        metadata=dict(flattened(head.values)),
        warnings=tuple(warnings),
        text=source.text,
        body_offset=head.end,
        broken_offset=head.broken,
    )


def one_line(text: str) -> str:
    """A title or heading on one line, no longer than `LONGEST_HEADING` characters."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_HEADING else text[: LONGEST_HEADING - 1].rstrip() + "…"


def _dated(
    values: dict[str, Any], stem: str, mtime_ns: int, warnings: list[str]
) -> tuple[str, str]:
    for key in _DATE_KEYS:
        written = _text(values.get(key))
        if not written:
            continue
        if day := real_date(written[:64]):
            return day, FRONT_MATTER
        warnings.append(f"front matter: {key} is not a date: {one_line(written)}")
    if day := real_date(stem):
        return day, FILE_NAME
    try:
        return datetime.fromtimestamp(mtime_ns / 1e9, UTC).date().isoformat(), MTIME
    except (OverflowError, ValueError, OSError):
        return date(1970, 1, 1).isoformat(), MTIME


def _text(value: Any) -> str:
    """A scalar of the front matter, empty for null and for what is no scalar."""
    if not isinstance(value, str) or value in _NULLS:
        return ""
    return value.strip()


def _several(values: dict[str, Any], warnings: list[str], *keys: str) -> tuple[str, ...]:
    written = (one_line(item.lstrip("#")) for key in keys for item in listed(values.get(key, "")))
    found = tuple(dict.fromkeys(item for item in written if item not in _NULLS))
    if len(found) > MOST_TAGS:
        warnings.append(f"front matter: of {len(found)} {keys[0]} the first {MOST_TAGS} are kept")
    return found[:MOST_TAGS]


def _first_heading(text: str, offset: int) -> str:
    """The level-1 heading with which the text from `offset` begins, comments aside."""
    leading = _LEADING.match(text, offset)
    start = leading.end() if leading else offset
    start = max(offset, *(text.rfind(end, offset, start) + 1 for end in "\r\n"))
    if match := _ATX.match(text, start):
        return one_line(_ATX_TAIL.sub("", match.group(1) or ""))
    match = _SETEXT.match(text, start)
    return one_line(match.group(1)) if match else ""
