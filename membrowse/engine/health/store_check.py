"""Compares the stores of an open index, and its chunks with the encoder's window."""

from __future__ import annotations

from dataclasses import asdict

from membrowse.encoding.word_pieces import WordPieces
from membrowse.engine.indexing.note_reader import DEFAULT_WINDOW
from membrowse.engine.models import Models
from membrowse.index.generation import Generation
from membrowse.index.protocols import SearchIndex
from membrowse.notes.chunk import encoder_input
from membrowse.wire.health import StoreCheck


def check_stores(index: SearchIndex, models: Models, *, cut: bool = False) -> StoreCheck:
    """Compare everything; takes seconds on a large index.

    With `cut`, chunks may be longer than the encoder's window: a store's records are as they are.
    """
    generation = index.generation
    longest = _longest(generation, models.pieces) if models.pieces is not None else 0
    window = models.files.window if models.files is not None else DEFAULT_WINDOW
    return StoreCheck(
        generation=generation.number,
        notes=len(generation.notes),
        chunks=len(generation.chunks),
        discrepancies=tuple(index.check()),
        longest_chunk=min(longest, window) if cut else longest,
        window=window,
        recipe=asdict(index.recipe),
        stale=index.stale,
    )


def _longest(generation: Generation, pieces: WordPieces) -> int:
    texts = (encoder_input(chunk.header, chunk.text) for chunk in generation.chunks)
    return max((pieces.count(text) + pieces.specials for text in texts), default=0)
