"""Is the expected text in a chunk, whole?"""

from __future__ import annotations

from membrowse.engine.handlers.why.steps.context import FileContext
from membrowse.engine.handlers.why.steps.finding import Finding, chunk_place, finding
from membrowse.index.generation import Generation
from membrowse.index.journal import JournalEntry, RemovedChunk
from membrowse.notes.front_matter import parse_front_matter
from membrowse.ranking.targets import SplitText, comparable
from membrowse.wire.diagnosis import Outcome, StepName


def check_text(context: FileContext) -> Finding:
    if context.row is None:
        return _no_text(context)
    place, generation = context.chunks, context.generation
    if place.split is not None:
        return _split_finding(generation, place.split)
    if place.reason:
        return finding(StepName.TEXT, Outcome.WEAK, place.reason)
    chunk = generation.chunks[context.row]
    count = generation.notes[chunk.path].chunks
    what = "the text is in" if context.wanted.text else "it is"
    clause = f"{what} {chunk_place(chunk)}, chunk {chunk.position + 1} of {count} of its note"
    others = [generation.chunks[row] for row in place.rows if row != context.row]
    evidence = [f"also in {chunk_place(other)}" for other in others] if context.wanted.text else []
    return finding(StepName.TEXT, Outcome.PASSES, clause, evidence[:10])


def _split_finding(generation: Generation, split: SplitText) -> Finding:
    holders = [chunk_place(generation.chunks[row]) for row in split.rows]
    number = "two" if len(holders) == 2 else f"{len(holders)}"
    clause = f"the text is split across {number} chunks, {' and '.join(holders)}"
    total = sum(split.shares)
    percents = [f"{share / total:.0%}" for share in split.shares]
    evidence = [
        f"{percent} of it in {each}" for percent, each in zip(percents, holders, strict=True)
    ]
    return finding(StepName.TEXT, Outcome.FAILS, clause, evidence)


def _no_text(context: FileContext) -> Finding:
    """No chunk represents the target, although its note (if one was named) is indexed."""
    former = _former_text(context)
    if former is not None:
        entry, passed = former
        lines = f"{entry.path}:{passed.start_line}–{passed.end_line}"
        clause = f"it was in {lines}; an edit after generation {entry.generation - 1:,} removed it"
        return finding(
            StepName.TEXT, Outcome.FAILS, clause, [f"removed {entry.at}", *_quote(passed)]
        )
    if context.wanted.text and context.path:
        clause = _unindexed_place(context)
        if clause:
            return finding(StepName.TEXT, Outcome.FAILS, clause, context.warnings)
    clause = context.chunks.reason
    if context.wanted.text:
        clause += f", nor did any since generation {_oldest(context):,}"
    return finding(StepName.TEXT, Outcome.FAILS, clause)


def _unindexed_place(context: FileContext) -> str:
    """Where in its file a text is that no chunk contains; empty if the file does not either."""
    wanted = comparable(context.wanted.text)
    if wanted not in comparable(context.text):
        return ""
    if wanted in comparable(context.text[: parse_front_matter(context.text).end]):
        return "the text is in a part of the front matter that is not searched"
    return "the text is in a part of the file that is not indexed"


def _oldest(context: FileContext) -> int:
    entries = context.components.index.journal(context.path or None)
    return entries[0].generation if entries else context.generation.number


def _quote(passed: RemovedChunk) -> list[str]:
    text = " ".join(passed.text.split())
    return [f"it read: {text[:200]}"]


def _former_text(context: FileContext) -> tuple[JournalEntry, RemovedChunk] | None:
    """Where the text (or the chunk) was last, according to the journal."""
    wanted = comparable(context.wanted.text)
    for entry in reversed(context.components.index.journal(context.path or None)):
        context.pause()
        for passed in entry.removed:
            if (wanted and wanted in comparable(passed.text)) or passed.id == context.wanted.chunk:
                return entry, passed
    return None
