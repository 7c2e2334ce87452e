"""The choices of the target finder: a chunk, a text, or any file of the folder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby

from membrowse.presentation import figures
from membrowse.presentation.hits import heading_text, place
from membrowse.presentation.lines import ELLIPSIS, Line, Part, cells, clip, clip_path, fit, spread
from membrowse.presentation.target import named
from membrowse.text import shown
from membrowse.tui.model.files_table import STATES, reason
from membrowse.tui.model.fuzzy_match import lower_case, match
from membrowse.tui.model.open_query import OpenQuery
from membrowse.wire.notes import FileRecord, NoteState
from membrowse.wire.search import Hit, Target


class Kind(Enum):
    """What an entry means; the value is its label."""

    WHY = "why"
    CURSOR = "the chunk under the cursor"
    TEXT = "a text …"
    NONE = "no target"


@dataclass(frozen=True, slots=True)
class Entry:
    """A choice that is not a file."""

    kind: Kind
    about: str
    """What the entry means, safe to show."""
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file, and the places of the typed letters in its path."""

    record: FileRecord
    places: frozenset[int] = frozenset()
    score: float = 0.0


_LINE = re.compile(r":(\d{1,7})$")


@dataclass(frozen=True, slots=True)
class FinderInput:
    """The typed text: words whose letters are looked for in paths, and perhaps a line number."""

    text: str

    @property
    def line(self) -> int | None:
        """The line of `path:line`."""
        found = _LINE.search(self.text.strip())
        return int(found[1]) if found else None

    @property
    def words(self) -> list[str]:
        return lower_case(_LINE.sub("", self.text.strip())).split()


def chunk_target(hit: Hit) -> Target:
    """The chunk of `hit` as a target."""
    return Target(chunk=hit.chunk, path=hit.path, line=hit.start_line)


def cursor_target(query: OpenQuery) -> Target | None:
    """What is under the cursor as a target: a chunk, or a note that an agent got."""
    if query.absent is not None:
        hit = query.absent.hit
        return Target(path=hit.path, line=hit.start_line or None) if hit.path else None
    return chunk_target(query.cursor) if query.cursor else None


def offered_entries(target: Target | None, hit: Hit | None) -> list[Entry]:
    """The entries offered before anything is typed."""
    offered = []
    if target is not None:
        offered.append(Entry(Kind.WHY, f"{named(target)}: why is it not in the top?", target))
    if hit is not None:
        about = f"{place(hit)}  {heading_text(hit)}"
        offered.append(Entry(Kind.CURSOR, about, chunk_target(hit)))
    offered.append(Entry(Kind.TEXT, "words that the chunk should contain"))
    if target is not None:
        offered.append(Entry(Kind.NONE, "clear the target; hides the line under the query"))
    return offered


def text_entry(text: str) -> Entry:
    """The typed text as a target."""
    text = text.strip()
    about = f"“{shown(text)}”: the chunk that contains these words"
    return Entry(Kind.TEXT, about, Target(text=text))


def notes_first(records: Sequence[FileRecord]) -> list[FileRecord]:
    """The files in their order, those that are no notes last."""
    others = (NoteState.IGNORED, NoteState.SKIPPED)
    return sorted(records, key=lambda record: record.state in others)


def found_file(record: FileRecord, low: str, words: Sequence[str]) -> FoundFile | None:
    """The file if its path contains the typed letters; `low` is the path in lower case."""
    if not words:
        return FoundFile(record)
    matched = match(words, low)
    return None if matched is None else FoundFile(record, matched[1], matched[0])


def best_first(files: list[FoundFile]) -> list[FoundFile]:
    """Files by score, then by length of the path."""
    return sorted(files, key=lambda one: (-one.score, len(one.record.path), one.record.path))


def file_target(record: FileRecord, typed: FinderInput) -> Target:
    """The file as a target, with the line that was typed."""
    return Target(path=record.path, line=typed.line)


LABEL = 28
"""Cells of an entry's label."""


def entry_line(entry: Entry, width: int) -> Line:
    """`the chunk under the cursor   decisions/ssh.md:3  SSH moved › Decision`."""
    label = min(LABEL, width // 2)
    return fit(
        [
            *fit([Part(entry.kind.value, "accent")], label),
            Part(clip(entry.about, max(0, width - label)), "dim"),
        ],
        width,
    )


def found_line(file: FoundFile, typed: FinderInput, width: int, roots: Mapping[str, str]) -> Line:
    """`● decisions/ssh.md      indexed · 3 chunks`; `roots` are as in `clip_path`."""
    record = file.record
    glyph, style = STATES[record.state]
    room = max(12, width * 11 // 20)
    line = f":{typed.line}" if typed.line else ""
    path = _marked_path(record.path, file.places, room - len(line), roots)
    left: Line = [Part(f"{glyph} ", style), *path, Part(line, "accent")]
    why = _file_state_text(record)
    state = [Part(clip(why, max(0, width - cells(left) - 2)), _state_style(record))]
    return spread(left, state, width)


def _state_style(record: FileRecord) -> str:
    return "dim" if record.state is NoteState.INDEXED else STATES[record.state][1]


def _file_state_text(record: FileRecord) -> str:
    detail = reason(record)
    if record.state in (NoteState.INDEXED, NoteState.CHANGED):
        detail = figures.counted(record.chunks, "chunk")
    return f"{record.state.value} · {detail}" if detail else record.state.value


def _marked_path(path: str, places: frozenset[int], width: int, roots: Mapping[str, str]) -> Line:
    """The path, shortened by `clip_path`, with the typed letters marked."""
    whole = shown(path)
    clipped = clip_path(whole, width, roots)
    before = len(clipped.partition(ELLIPSIS)[0])
    after = len(clipped.rpartition(ELLIPSIS)[2])
    cut = len(whole) - len(clipped)

    def style(at: int) -> str:
        if clipped[at] == ELLIPSIS:
            return "dim"
        known = at < before or at >= len(clipped) - after
        return "mark" if known and (at if at < before else at + cut) in places else "title"

    runs = groupby(range(len(clipped)), style)
    return [Part("".join(clipped[at] for at in run), style) for style, run in runs]
