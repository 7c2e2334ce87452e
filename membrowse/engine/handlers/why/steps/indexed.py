"""Is the file indexed, and as it is now?"""

from __future__ import annotations

from membrowse.counts import counted
from membrowse.engine.handlers.why.steps.context import FileContext
from membrowse.engine.handlers.why.steps.finding import Finding, finding
from membrowse.engine.indexing.note_diff import indexed_against
from membrowse.wire.diagnosis import Outcome, StepName

_DIFFERENCE_LINES = 60


def check_indexed(context: FileContext) -> Finding:
    path, generation = context.path, context.generation
    if not path:
        return _all_indexed(context)
    if path not in generation.notes:
        return finding(StepName.INDEXED, Outcome.FAILS, "it is not indexed yet", context.waiting())
    if context.components.store:
        at = generation.notes[path].indexed_at
        clause = f"its records are as they were read at {at}"
        return finding(StepName.INDEXED, Outcome.PASSES, clause, context.warnings)
    if not context.exists:
        at = generation.notes[path].indexed_at
        return finding(StepName.INDEXED, Outcome.PASSES, f"it was indexed at {at}")
    if isinstance(context.file, str):
        clause = f"an earlier version is indexed; the file is not a note any more: {context.file}"
        return finding(StepName.INDEXED, Outcome.FAILS, clause, context.waiting())
    lines = indexed_against(context.file, generation, path)
    if not lines:
        stale = context.components.index.stale
        if stale:
            clause = f"the index was made with another recipe ({stale}) and must be rebuilt"
            return finding(StepName.INDEXED, Outcome.WEAK, clause)
        clause = "the index is up to date with the file"
        return finding(StepName.INDEXED, Outcome.PASSES, clause, context.warnings)
    evidence = [*context.waiting(), *lines[:_DIFFERENCE_LINES]]
    if context.row is not None and _stands(context):
        clause = "the file has changed since it was indexed, though not in this text"
        return finding(StepName.INDEXED, Outcome.WEAK, clause, evidence)
    clause = "an older version of the file is indexed"
    return finding(StepName.INDEXED, Outcome.FAILS, clause, evidence)


def _all_indexed(context: FileContext) -> Finding:
    notes = len(context.generation.notes)
    clause = f"{counted(notes, 'note')} {'is' if notes == 1 else 'are'} indexed"
    pending = context.components.indexer.state.pending.total
    if not pending:
        return finding(StepName.INDEXED, Outcome.PASSES, clause)
    others = "one file differs" if pending == 1 else f"{pending:,} files differ"
    return finding(
        StepName.INDEXED, Outcome.WEAK, f"{clause}, but {others} from that", context.waiting()
    )


def _stands(context: FileContext) -> bool:
    """Whether the chunk's text is still in the file."""
    return context.row is not None and context.generation.chunks[context.row].text in context.text
