"""The first rungs of "why not this note?": is it in the folder, indexed as it is, and whole?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from membrowse.engine.courtesy import Pause
from membrowse.engine.freshening import indexed_against
from membrowse.engine.parts import Parts
from membrowse.findings.diagnosis import Outcome, Rung, Step, Target
from membrowse.index.generation import Generation
from membrowse.index.journal import Entry, Passed
from membrowse.knowledge.reading import NotIndexable, Source, read
from membrowse.ranking.ladder.case import rung, where
from membrowse.ranking.targets import Place, Sought, Split, bare
from membrowse.recall import NoteState
from membrowse.settings import NotesSettings

_LEFT_OUT = {
    NoteState.IGNORED: "is left out of the index",
    NoteState.SKIPPED: "is skipped",
    NoteState.FAILED: "failed",
}
_ALIKE = 3
_DIFFERENCE_LINES = 60


@dataclass(frozen=True)
class Reach:
    """How far the way from the folder into the index goes."""

    parts: Parts
    generation: Generation
    target: Target
    sought: Sought
    row: int | None
    """The chunk that stands for the target, if any."""
    notes: NotesSettings
    pause: Pause

    @property
    def place(self) -> Place:
        return self.sought.place

    @property
    def path(self) -> str:
        """The note's, empty where a text was looked for everywhere and not found."""
        return self.place.path or (
            "" if self.row is None else self.generation.chunks[self.row].path
        )

    @cached_property
    def file(self) -> Source | str:
        """The file, read once; or why it cannot be a note."""
        try:
            return read(self.parts.folder, self.path, self.notes)
        except NotIndexable as error:
            return error.reason
        except (OSError, ValueError) as error:
            return f"cannot be read: {error}"

    @property
    def text(self) -> str:
        """The file's, empty where it cannot be read."""
        return "" if isinstance(self.file, str) else self.file.text


def rungs(reach: Reach) -> list[Rung]:
    """Of the folder, the index and the text. A rung that fails and leaves no chunk ends them."""
    found: list[Rung] = []
    for step in (_in_folder, _indexed, _text):
        found.append(step(reach))
        reach.pause()
        if found[-1].outcome is Outcome.FAILS and reach.row is None:
            break
    return found


def _in_folder(reach: Reach) -> Rung:
    path, state = reach.path, reach.sought.state
    if not path:
        what = "a text was looked for, in all notes" if reach.target.text else "a chunk was meant"
        return rung(Step.FOLDER, Outcome.HOLDS, what)
    if state in _LEFT_OUT:
        reason = reach.sought.reason.removeprefix(f"{path}: ") or "the reason is not known"
        return rung(Step.FOLDER, Outcome.FAILS, f"it {_LEFT_OUT[state]}: {reason}")
    if _exists(reach.parts.folder, path):
        return rung(Step.FOLDER, Outcome.HOLDS, f"the file {path} is in the folder")
    if path in reach.generation.notes:
        clause = "it is gone from the folder, and only the index still holds it"
        return rung(Step.FOLDER, Outcome.FAILS, clause)
    alike = _alike(path, reach.parts.indexer.facts.comparison.found)
    evidence = [f"there is {each}" for each in alike]
    return rung(Step.FOLDER, Outcome.FAILS, f"the folder has no file {path}", evidence)


def _exists(folder: Path, path: str) -> bool:
    try:
        return (folder / path).is_file()
    except (OSError, ValueError):
        return False


def _alike(path: str, known: Iterable[str]) -> list[str]:
    """Paths written nearly so, or with the same name elsewhere."""
    name = path.rpartition("/")[2]
    paths = sorted(known)
    same = [each for each in paths if each.rpartition("/")[2] == name]
    near = difflib.get_close_matches(path, paths, _ALIKE, 0.8)
    return list(dict.fromkeys(same + near))[:_ALIKE]


def _indexed(reach: Reach) -> Rung:
    path, generation = reach.path, reach.generation
    if not path:
        return _all_indexed(reach)
    if path not in generation.notes:
        return rung(Step.INDEXED, Outcome.FAILS, "it is not indexed yet", _waiting(reach))
    if not _exists(reach.parts.folder, path):
        at = generation.notes[path].indexed_at
        return rung(Step.INDEXED, Outcome.HOLDS, f"the index holds it as of {at}")
    if isinstance(reach.file, str):
        clause = f"the index holds what the file was, and now it is no note: {reach.file}"
        return rung(Step.INDEXED, Outcome.FAILS, clause, _waiting(reach))
    lines = indexed_against(reach.file, generation, path)
    if not lines:
        stale = reach.parts.index.stale
        if stale:
            clause = f"the index was made with another recipe ({stale}) and is to be rebuilt"
            return rung(Step.INDEXED, Outcome.WEAK, clause)
        return rung(Step.INDEXED, Outcome.HOLDS, "the index holds the file as it is now")
    evidence = [*_waiting(reach), *lines[:_DIFFERENCE_LINES]]
    if reach.row is not None and _stands(reach):
        clause = "the file has changed since it was indexed, though not in this text"
        return rung(Step.INDEXED, Outcome.WEAK, clause, evidence)
    clause = "the index holds an older text than the file"
    return rung(Step.INDEXED, Outcome.FAILS, clause, evidence)


def _all_indexed(reach: Reach) -> Rung:
    clause = f"{len(reach.generation.notes):,} notes are indexed"
    pending = reach.parts.indexer.facts.pending.total
    if not pending:
        return rung(Step.INDEXED, Outcome.HOLDS, clause)
    others = "one file differs" if pending == 1 else f"{pending:,} files differ"
    return rung(Step.INDEXED, Outcome.WEAK, f"{clause}, but {others} from that", _waiting(reach))


def _stands(reach: Reach) -> bool:
    """Whether the chunk's text is still in the file."""
    return reach.row is not None and reach.generation.chunks[reach.row].text in reach.text


def _waiting(reach: Reach) -> Iterator[str]:
    """Why what is on disk is not in the index yet."""
    facts = reach.parts.indexer.facts
    if facts.paused:
        yield "watching is paused: resume it, or reindex this note"
    elif facts.progress is not None:
        yield f"the engine is at work ({facts.progress.phase})"
    if facts.problem:
        yield facts.problem


def _text(reach: Reach) -> Rung:
    if reach.row is None:
        return _no_text(reach)
    place, generation = reach.place, reach.generation
    if place.split is not None:
        return _split(generation, place.split)
    if place.reason:
        return rung(Step.TEXT, Outcome.WEAK, place.reason)
    chunk = generation.chunks[reach.row]
    count = generation.notes[chunk.path].chunks
    what = "the text is in" if reach.target.text else "it is"
    clause = f"{what} {where(chunk)}, chunk {chunk.position + 1} of {count} of its note"
    others = [generation.chunks[row] for row in place.rows if row != reach.row]
    evidence = [f"also in {where(other)}" for other in others] if reach.target.text else []
    return rung(Step.TEXT, Outcome.HOLDS, clause, evidence[:10])


def _split(generation: Generation, split: Split) -> Rung:
    holders = [where(generation.chunks[row]) for row in split.rows]
    number = "two" if len(holders) == 2 else f"{len(holders)}"
    clause = f"the text is split across {number} chunks, {' and '.join(holders)}"
    total = sum(split.shares)
    percents = [f"{share / total:.0%}".replace("%", " %") for share in split.shares]
    evidence = [
        f"{percent} of it in {each}" for percent, each in zip(percents, holders, strict=True)
    ]
    return rung(Step.TEXT, Outcome.FAILS, clause, evidence)


def _no_text(reach: Reach) -> Rung:
    """Nothing stands for the target, though its note, if one was named, is indexed."""
    former = _former(reach)
    if former is not None:
        entry, passed = former
        lines = f"{entry.path}:{passed.start_line}–{passed.end_line}"
        clause = f"it was in {lines} until generation {entry.generation - 1:,}, and was edited away"
        return rung(Step.TEXT, Outcome.FAILS, clause, [f"removed {entry.at}", *_quote(passed)])
    if reach.target.text and reach.path and bare(reach.target.text) in bare(reach.text):
        clause = "the text is in the file, but in none of its chunks (front matter is no text)"
        return rung(Step.TEXT, Outcome.FAILS, clause)
    clause = reach.place.reason
    if reach.target.text:
        clause += f", and none ever did since generation {_oldest(reach):,}"
    return rung(Step.TEXT, Outcome.FAILS, clause)


def _oldest(reach: Reach) -> int:
    entries = reach.parts.index.journal(reach.path or None)
    return entries[0].generation if entries else reach.generation.number


def _quote(passed: Passed) -> list[str]:
    text = " ".join(passed.text.split())
    return [f"it read: {text[:200]}"]


def _former(reach: Reach) -> tuple[Entry, Passed] | None:
    """Where the text (or the chunk) was last, by the journal."""
    wanted = bare(reach.target.text)
    for entry in reversed(reach.parts.index.journal(reach.path or None)):
        reach.pause()
        for passed in entry.removed:
            if (wanted and wanted in bare(passed.text)) or passed.id == reach.target.chunk:
                return entry, passed
    return None


def skipped(after: Sequence[Rung]) -> list[Rung]:
    """The rungs that cannot be looked at, since nothing stands for the target."""
    clause = "not looked at: nothing of it is indexed"
    return [rung(step, Outcome.SKIPPED, clause) for step in list(Step)[len(after) :]]
