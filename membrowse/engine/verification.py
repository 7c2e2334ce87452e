"""The stores of an open index against each other, and its chunks against the encoder's window."""

from __future__ import annotations

from dataclasses import asdict

from membrowse.encoding.pieces import Pieces
from membrowse.engine.models import Models
from membrowse.engine.notes import DEFAULT_WINDOW
from membrowse.engine.protocol import CheckReport
from membrowse.index.generation import Generation
from membrowse.index.index import Index

SPECIALS = 2
"""Pieces that the encoder puts around every text."""


def check_report(index: Index, models: Models) -> CheckReport:
    """Compare everything; takes seconds on a large index."""
    generation = index.generation
    longest = _longest(generation, models.pieces) if models.pieces is not None else 0
    return CheckReport(
        generation=generation.number,
        notes=len(generation.notes),
        chunks=len(generation.chunks),
        discrepancies=tuple(index.check()),
        longest_chunk=longest,
        window=models.files.window if models.files is not None else DEFAULT_WINDOW,
        recipe=asdict(index.recipe),
        stale=index.stale,
    )


def _longest(generation: Generation, pieces: Pieces) -> int:
    texts = (f"{chunk.header}\n{chunk.text}" for chunk in generation.chunks)
    return max((pieces.count(text) + SPECIALS for text in texts), default=0)
