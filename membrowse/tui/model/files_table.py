"""The table of files with their states: filter, sort order, columns."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from membrowse.presentation import figures
from membrowse.presentation.lines import Line, Part, cells, clip_path, fit
from membrowse.roots import Roots
from membrowse.text import shown
from membrowse.wire.notes import NOT_INDEXED, FileRecord, NoteState

STATES: dict[NoteState, tuple[str, str]] = {
    NoteState.FAILED: ("✗", "bad"),
    NoteState.CHANGED: ("!", "warn"),
    NoteState.NEW: ("+", "warn"),
    NoteState.DELETED: ("−", "warn"),
    NoteState.SKIPPED: ("○", "dim"),
    NoteState.IGNORED: ("·", "dim"),
    NoteState.INDEXED: ("●", "good"),
}
"""Glyph and style of each state, most urgent first."""

_URGENCY = {state: place for place, state in enumerate(STATES)}

ORDERS: dict[str, Callable[[FileRecord], Any]] = {
    "state": lambda record: (_URGENCY[record.state], record.path),
    "path": lambda record: record.path,
    "chunks": lambda record: (-record.chunks, record.path),
    "size": lambda record: (-record.size, record.path),
    "modified": lambda record: (
        not record.modified_at,
        [-ord(char) for char in record.modified_at],
        record.path,
    ),
}
"""Sort orders; the first is the default."""


def selected_files(records: Iterable[FileRecord], words: str, order: str) -> list[FileRecord]:
    """The files whose path, state or reason contains all `words`, in order."""
    wanted = words.casefold().split()
    kept = [
        record
        for record in records
        if all(
            word in f"{record.path}\n{record.state}\n{record.reason}".casefold() for word in wanted
        )
    ]
    return sorted(kept, key=ORDERS[order])


def reason(record: FileRecord) -> str:
    """Why the file is not indexed, and warnings about it, on one line."""
    return shown(" ".join([record.reason, *record.warnings]).strip())


def full_account(record: FileRecord, now: datetime) -> str:
    """Everything known about a file, as text."""
    lines = [
        record.path,
        "",
        f"state     {record.state}",
        f"chunks    {_chunks(record)}",
        f"size      {_size(record)}",
        f"modified  {figures.local_time(record.modified_at, now) or '–'}",
        f"indexed   {figures.local_time(record.indexed_at, now) or '–'}",
    ]
    if record.reason:
        lines += ["", record.reason]
    for warning in record.warnings:
        lines += ["", f"warning: {warning}"]
    return "\n".join(lines)


def without_ghosts(roots: Roots | None, records: Sequence[FileRecord]) -> list[FileRecord]:
    """The files without those that are not indexed and have gone since the engine looked, such as
    an editor's swap file.

    The disk of a root that is out of reach is not looked at.
    """
    if roots is None:
        return list(records)
    reached = (root for root in roots if root.name not in roots.unavailable)
    there = frozenset(root.name for root in reached if root.path.exists())
    excluded = (NoteState.IGNORED, NoteState.SKIPPED)
    return [
        record
        for record in records
        if record.state not in excluded
        or roots.root_of(record.path).name not in there
        or "\ufffd" in record.path  # a name that is not UTF-8
        or os.path.lexists(roots.resolve(record.path))
    ]


def _chunks(record: FileRecord) -> str:
    return figures.number(record.chunks) if record.chunks else figures.NONE


def _size(record: FileRecord) -> str:
    """The size; a dash if the engine has not looked at it."""
    return figures.size(record.size) if record.size else figures.NONE


TIMES = 130
"""Cells of a line from which it has times."""


def _path_width(width: int) -> int:
    return max(16, min(48, width * 3 // 8))


def files_head(width: int) -> Line:
    """The names of the columns."""
    path = _path_width(width)
    line = [Part(f"  {'state':<9}{'path':<{path}} {'chunks':>6} {'size':>7}", "dim")]
    if width >= TIMES:
        line.append(Part(f" {'modified':>14} {'indexed':>14}", "dim"))
    return fit([*line, Part("  why", "dim")], width)


def file_line(
    record: FileRecord, now: datetime, width: int, roots: Mapping[str, str] | None = None
) -> Line:
    """One file in `width` cells; `roots` are those of a collection, see `clip_path`."""
    glyph, style = STATES[record.state]
    path = _path_width(width)
    line = [
        Part(f"{glyph} {record.state.value:<9}", style),
        *fit([Part(clip_path(shown(record.path), path, roots), "title")], path),
        Part(f" {_chunks(record):>6}", "" if record.chunks else "dim"),
        Part(f" {_size(record):>7}", "dim"),
    ]
    if width >= TIMES:
        times = (
            figures.local_time(record.modified_at, now),
            figures.local_time(record.indexed_at, now),
        )
        line += [Part(f" {time or '–':>14}", "dim") for time in times]
    room = width - cells(line) - 2
    return fit([*line, Part("  "), *fit([Part(reason(record))], max(0, room))], width)


def files_summary(records: Sequence[FileRecord]) -> Line:
    """`5 not indexed: ✗ 1 failed  · 4 ignored   ● 49 indexed`: the files of each state."""
    counts = Counter(record.state for record in records)
    left_out = sum(counts[state] for state in NOT_INDEXED)
    line = [Part(f"{figures.number(left_out)} not indexed: ", "strong")] if left_out else []
    for state in (*NOT_INDEXED, *(state for state in STATES if state not in NOT_INDEXED)):
        if counts[state]:
            glyph, style = STATES[state]
            text = f"{glyph} {figures.number(counts[state])} {state.value}"
            line += [Part(text, style), Part("  ")]
    return line
