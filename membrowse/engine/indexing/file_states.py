"""The state of every file of the folder, indexed or not."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from membrowse.engine import clock
from membrowse.engine.indexing.indexer_state import IndexerState
from membrowse.index.generation import IndexedNote
from membrowse.notes.conflict_copies import copied_note
from membrowse.notes.scanner import ScannedFile
from membrowse.text import normal_form
from membrowse.wire.notes import FileRecord, NoteState

_OUT_OF_REACH = "not reached by the last check of the folder"


def file_records(state: IndexerState, notes: Mapping[str, IndexedNote]) -> list[FileRecord]:
    """One record per file and per indexed note without one, by path."""
    records = [*_found_files(state, notes), *_absent_notes(state, notes)]
    return sorted(records, key=lambda record: record.path)


def note_path(state: IndexerState, notes: Mapping[str, IndexedNote], path: str) -> str:
    """The path of the note that `path` means: the same file by another name, or the same name in
    another Unicode normal form; else `path` itself."""
    found = state.comparison.found
    if path in notes or not path:
        return path
    if path not in found:
        form = normal_form(path)
        alike = (each for each in (*notes, *found) if normal_form(each) == form)
        path = next(alike, path)
    file = found.get(path)
    return file.same_as if file is not None and file.same_as else path


def note_state(
    state: IndexerState, notes: Mapping[str, IndexedNote], path: str
) -> tuple[NoteState | None, str]:
    """State of one file and the reason if it is not indexed; None if there is no such file.

    A file in an excluded folder has the folder's state.
    """
    found, comparison = state.comparison.found, state.comparison
    if path not in found:
        for end in [place for place, character in enumerate(path) if character == "/"]:
            above = found.get(path[: end + 1])
            if above is not None and above.excluded is NoteState.FAILED:
                return above.excluded, above.reason
            if above is not None and above.excluded is not None:
                return above.excluded, f"its folder {above.path} is excluded: {above.reason}"
        gone = path in notes and path in comparison.deleted
        return (NoteState.DELETED, "gone from the folder; still indexed") if gone else (None, "")
    differing = NoteState.CHANGED if path in comparison.changed else None
    if path not in notes:
        differing = NoteState.NEW
    return _file_state(found[path], state, differing)


def _found_files(state: IndexerState, notes: Mapping[str, IndexedNote]) -> Iterator[FileRecord]:
    changed = dict.fromkeys(state.comparison.changed, NoteState.CHANGED)
    others = _other_paths(state)
    for path, file in state.comparison.found.items():
        note = notes.get(path)
        differing = changed.get(path) if note else NoteState.NEW
        file_state, reason = _file_state(file, state, differing)
        yield FileRecord(
            path=os.fsencode(path).decode(errors="replace"),  # names need not be UTF-8
            state=file_state,
            reason=reason,
            warnings=(
                *(note.warnings if note else ()),
                *others.get(path, ()),
                *_copy_reason(path, notes),
            ),
            chunks=note.chunks if note else 0,
            size=file.size,
            modified_at=clock.stamp(file.mtime_ns / 1e9) if file.mtime_ns else "",
            indexed_at=note.indexed_at if note else "",
        )


def _other_paths(state: IndexerState) -> dict[str, list[str]]:
    """By a note's path, a sentence on each other path of the same file."""
    others: dict[str, list[str]] = {}
    for path, file in state.comparison.found.items():
        if file.same_as:
            others.setdefault(file.same_as, []).append(f"it is also in the folder as {path}")
    return others


def _copy_reason(path: str, notes: Mapping[str, IndexedNote]) -> Iterator[str]:
    original = copied_note(path, notes) if path in notes else ""
    if original:
        yield f"by its name a copy of {original}, left by file synchronisation"


def _file_state(
    file: ScannedFile, state: IndexerState, differing: NoteState | None
) -> tuple[NoteState, str]:
    if file.excluded is not None:
        return file.excluded, file.reason
    unindexed = state.unindexed.get(file.path)
    if unindexed is not None:
        return unindexed.state, unindexed.reason
    return differing or NoteState.INDEXED, ""


def _absent_notes(state: IndexerState, notes: Mapping[str, IndexedNote]) -> Iterator[FileRecord]:
    """The indexed notes that the last check did not find: gone, or in a folder out of reach."""
    deleted = frozenset(state.comparison.deleted)
    for path, note in notes.items():
        if path in state.comparison.found:
            continue
        gone = path in deleted
        yield FileRecord(
            path=path,
            state=NoteState.DELETED if gone else NoteState.INDEXED,
            reason=f"{'gone from the folder' if gone else _OUT_OF_REACH}; still indexed",
            chunks=note.chunks,
            size=note.size,
            modified_at=clock.stamp(note.mtime_ns / 1e9),
            indexed_at=note.indexed_at,
        )
