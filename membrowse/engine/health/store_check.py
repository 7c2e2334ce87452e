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


def check_stores(index: SearchIndex, models: Models) -> StoreCheck:
    """Compare everything; takes seconds on a large index."""
    generation = index.generation
    longest = _longest(generation, models.pieces) if models.pieces is not None else 0
    return StoreCheck(
        generation=generation.number,
        notes=len(generation.notes),
        chunks=len(generation.chunks),
        discrepancies=tuple(index.check()),
        longest_chunk=longest,
        window=models.files.window if models.files is not None else DEFAULT_WINDOW,
        recipe=asdict(index.recipe),
        stale=index.stale,
    )


def _longest(generation: Generation, pieces: WordPieces) -> int:
    texts = (encoder_input(chunk.header, chunk.text) for chunk in generation.chunks)
    return max((pieces.count(text) + pieces.specials for text in texts), default=0)
