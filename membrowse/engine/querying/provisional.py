"""Whether a result may change by itself, because the index is not complete yet."""

from __future__ import annotations

import numpy as np

from membrowse.counts import counted
from membrowse.engine.indexing.indexer_state import IndexerState
from membrowse.index.generation import Generation
from membrowse.wire.search import RankingState


def still_to_read(state: IndexerState) -> str:
    """What is left of the first pass over the notes, a clause; empty after it."""
    if not state.reading:
        return ""
    left = state.pending.new + state.pending.changed
    return f"{counted(left, 'note')} still to read" if left else "the notes are still being read"


def provisional(
    state: IndexerState, generation: Generation, encoder: RankingState, unstored: int
) -> str:
    """Why a result over `generation` may change by itself, a clause; empty if it is final.

    `unstored` is as in `SearchIndex`.
    """
    if state.reading:
        return still_to_read(state)
    chunks = counted(len(generation.chunks), "chunk")
    if unstored:
        return f"{min(unstored, len(generation.chunks)):,} of {chunks} still to store"
    if encoder is RankingState.LOADING:
        return "the model is still loading"
    missing = int(np.count_nonzero(~generation.encoded)) - state.vectorless
    if missing <= 0 or encoder is not RankingState.READY:
        return ""
    return f"{missing:,} of {chunks} still to encode"
