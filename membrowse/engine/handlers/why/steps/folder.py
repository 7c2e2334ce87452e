"""Is the file in the folder?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from membrowse.engine.handlers.why.steps.context import FileContext
from membrowse.engine.handlers.why.steps.finding import Finding, finding
from membrowse.notes.conflict_copies import copied_note
from membrowse.notes.scanner import NO_NOTE
from membrowse.wire.diagnosis import Outcome, StepName
from membrowse.wire.notes import NoteState

_LEFT_OUT = {
    NoteState.IGNORED: "is left out of the index",
    NoteState.SKIPPED: "is skipped",
    NoteState.FAILED: "failed",
}
_WHERE = "`membrowse config path` says where it is, `membrowse config init` writes it"
_ALIKE = 3


def check_folder(context: FileContext) -> Finding:
    path, state = context.path, context.target.state
    if not path:
        what = "a text was looked for, in all notes" if context.wanted.text else "a chunk was meant"
        return finding(StepName.FOLDER, Outcome.PASSES, what)
    if state in _LEFT_OUT:
        _, reason = context.components.targets.state(context.generation, path)
        reason = reason or "the reason is not known"
        clause = f"it {_LEFT_OUT[state]}: {reason}"
        return finding(StepName.FOLDER, Outcome.FAILS, clause, _how_to_include(path, reason))
    if context.components.store:
        return _in_store(context)
    served = context.components.served
    if context.exists:
        clause = f"the file {path} is in the {served}"
        return finding(StepName.FOLDER, Outcome.PASSES, clause, _copy_lines(context))
    if path in context.generation.notes:
        clause = f"the file is gone from the {served}; only the index still has it"
        return finding(StepName.FOLDER, Outcome.FAILS, clause)
    alike = _similar_paths(path, context.components.indexer.state.comparison.found)
    evidence = [f"there is {each}" for each in alike]
    return finding(StepName.FOLDER, Outcome.FAILS, f"the {served} has no file {path}", evidence)


def _in_store(context: FileContext) -> Finding:
    """Whether the store has records of the note."""
    path, store = context.path, context.components.store
    if context.exists:
        return finding(StepName.FOLDER, Outcome.PASSES, f"the store has records of {path}", [store])
    if path in context.generation.notes:
        clause = f"the store has no record of {path} any more; only the index still has it"
        return finding(StepName.FOLDER, Outcome.FAILS, clause, [store])
    alike = _similar_paths(path, context.generation.notes)
    evidence = [store, *(f"there is {each}" for each in alike)]
    return finding(StepName.FOLDER, Outcome.FAILS, f"the store has no record of {path}", evidence)


def _copy_lines(context: FileContext) -> Iterator[str]:
    """The note that this one is a copy of, and its copies."""
    notes = context.generation.notes
    for path in sorted(notes):
        original = copied_note(path, notes)
        if original == context.path:
            yield f"{path} is a copy of it by its name, left by file synchronisation"
        elif original and path == context.path:
            yield f"by its name it is a copy of {original}, left by file synchronisation"


def _how_to_include(path: str, reason: str) -> Iterator[str]:
    """How to have the file indexed, if a setting decides that."""
    name = path.rpartition("/")[2]
    suffix = PurePosixPath(name).suffix
    pattern = f"*{suffix}" if suffix else name
    if reason.startswith(NO_NOTE):
        yield f'to index it, add "{pattern}" to notes.include in the settings file'
        yield _WHERE
    elif "notes.max_bytes" in reason:
        yield "to index it, raise notes.max_bytes in the settings file"
        yield _WHERE


def _similar_paths(path: str, known: Iterable[str]) -> list[str]:
    """Paths with the same file name elsewhere, then paths with similar spelling."""
    name = path.rpartition("/")[2]
    paths = sorted(known)
    same = [each for each in paths if each.rpartition("/")[2] == name]
    near = difflib.get_close_matches(path, paths, _ALIKE, 0.8)
    return list(dict.fromkeys(same + near))[:_ALIKE]
