"""A parsed note: its title, date, tags and where its text begins."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from typing import Any

from membrowse.notes.dates import find_date, find_path_date, parse_date
from membrowse.notes.front_matter import FrontMatter, as_list, has_text, parse_front_matter
from membrowse.notes.payloads import without_payloads
from membrowse.notes.reader import FileContent

FRONT_MATTER, FILE_NAME, FOLDERS, MTIME = "front matter", "file name", "folders", "mtime"
MAX_HEADING_CHARACTERS = 200
"""Titles, headings and tags are cut to this length; the note's text keeps them whole."""
MAX_TAGS = 50
"""Limits tags, since every chunk of a note carries them."""

_DATE_KEYS = (
    "date",
    "created",
    "created at",
    "date created",
    "creation date",
    "created on",
    "createdat",
    "published",
)
_CHANGE_KEYS = ("updated", "updated at", "modified", "date modified", "last modified", "lastmod")
"""Dates of the last change: a date in the path says more about a note."""
_KEY_SEPARATORS = re.compile(r"[-_\s]+")
_TAG_KEYS = ("tags", "tag")
_INDEXED_KEYS = frozenset({"title", *_DATE_KEYS, *_CHANGE_KEYS, *_TAG_KEYS})
"""Front matter that has fields of its own."""
_WORD_SEPARATOR = re.compile(r"_+|(?<!\d)[-+]+|[-+]+(?!\d)|(?<=[^\W\d_])\.(?=[^\W\d_]{2})")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])|(?<=[a-z]{2})(?=\d)")
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
    file_words: str
    """The file name without extension, in words."""
    date: str
    """ISO date, `2026-03-02`."""
    date_source: str
    """`front matter`, `file name`, `folders` or `mtime`."""
    tags: tuple[str, ...]
    warnings: tuple[str, ...]
    text: str
    """The whole file, including front matter, without payloads (see `payloads`)."""
    body_offset: int
    """Offset of the first character after the front matter."""
    invalid_end: int = 0
    """Offset of the first character after invalid front matter; 0 if it is valid or absent."""
    text_offset: int = 0
    """Offset of the first character to index: in the front matter if it has text to search for,
    else `body_offset`."""
    file_offset: Callable[[int], int] = int
    """Converts an offset in `text` to one in the file's text."""


def parse_note(content: FileContent) -> Note:
    """Parse a file as a note. Any text is a note; problems become warnings."""
    searchable = without_payloads(content.text)
    text = searchable.text
    head = parse_front_matter(text)
    warnings = [*content.warnings, *head.warnings, *searchable.warnings]
    title = one_line(_scalar_text(head.values.get("title"))) or _first_heading(
        text, max(head.end, head.invalid_end)
    )
    stem = PurePosixPath(content.path).stem
    day, day_source = _note_date(head.values, content.path, content.mtime_ns, warnings)
    return Note(
        path=content.path,
        title=title,
        name=title or stem,
        file_words=one_line(file_name_in_words(stem)),
        date=day,
        date_source=day_source,
        tags=_tags(head.values, warnings),
        warnings=tuple(warnings),
        text=text,
        body_offset=head.end,
        invalid_end=head.invalid_end,
        text_offset=_text_offset(head, text),
        file_offset=searchable.original_offset,
    )


def file_name_in_words(stem: str) -> str:
    """Return a file name without extension in words: `ssh hosts` for `ssh_hosts` and `ssh-hosts`.

    Dates and versions keep their separators.
    """
    spaced = _WORD_SEPARATOR.sub(" ", stem.replace("%20", " "))
    return " ".join(_HUMP.sub(" ", spaced).split())


def _is_indexed(key: str) -> bool:
    """Whether a front matter key has a field of its own."""
    return _KEY_SEPARATORS.sub(" ", key) in _INDEXED_KEYS


def _text_offset(head: FrontMatter, text: str) -> int:
    body_is_blank = not text[head.end :].strip()
    if has_text(head.values, _is_indexed) or (head.values and body_is_blank):
        return head.start
    return head.end


def one_line(text: str) -> str:
    """Return `text` on one line, cut to `MAX_HEADING_CHARACTERS`."""
    text = " ".join(text.split())
    if len(text) <= MAX_HEADING_CHARACTERS:
        return text
    return text[: MAX_HEADING_CHARACTERS - 1].rstrip() + "…"


def _note_date(
    values: dict[str, Any], path: str, mtime_ns: int, warnings: list[str]
) -> tuple[str, str]:
    if day := _front_matter_date(values, _DATE_KEYS, warnings):
        return day, FRONT_MATTER
    pure = PurePosixPath(path)
    if day := find_path_date(str(pure.with_suffix(""))):
        return day, FILE_NAME if find_date(pure.stem) else FOLDERS
    if day := _front_matter_date(values, _CHANGE_KEYS, warnings):
        return day, FRONT_MATTER
    try:
        return datetime.fromtimestamp(mtime_ns / 1e9, UTC).date().isoformat(), MTIME
    except (OverflowError, ValueError, OSError):
        return date(1970, 1, 1).isoformat(), MTIME


def _front_matter_date(values: dict[str, Any], keys: Sequence[str], warnings: list[str]) -> str:
    """The first valid date under one of `keys`, or an empty string."""
    by_name = {_KEY_SEPARATORS.sub(" ", key): (key, value) for key, value in values.items()}
    for name in keys:
        key, value = by_name.get(name, (name, ""))
        text = _scalar_text(value)
        if not text:
            continue
        if day := parse_date(text):
            return day
        warnings.append(f"front matter: {key} is not a date: {one_line(text)}")
    return ""


def _scalar_text(value: Any) -> str:
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
