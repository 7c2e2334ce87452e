"""What an index still has to have encoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from membrowse.encoding.encoder import EncoderInput
from membrowse.index.change_plan import NoteChange
from membrowse.index.generation import Generation, content_key
from membrowse.index.vector_store import VectorStore


def missing_inputs(
    changes: Iterable[NoteChange], encoder_key: str, stored: VectorStore
) -> list[EncoderInput]:
    """Encoder inputs of changed chunks without stored vectors, each once, sorted by key."""
    inputs: dict[str, EncoderInput] = {}
    for change in changes:
        for chunk in change.chunks:
            key = content_key(chunk, encoder_key)
            inputs[key] = EncoderInput(key, chunk.header, chunk.text)
    missing = inputs.keys() - stored.has(inputs.keys())
    return [inputs[key] for key in sorted(missing)]


def unencoded_inputs(generation: Generation) -> Iterator[EncoderInput]:
    """Encoder inputs of all chunks without vectors, each once, notes changed last first."""
    notes, chunks = generation.notes, generation.chunks
    seen: set[str] = set()
    rows = np.flatnonzero(~generation.encoded).tolist()
    for row in sorted(rows, key=lambda row: -notes[chunks[row].path].mtime_ns):
        chunk, key = chunks[row], generation.keys[row]
        if key not in seen:
            seen.add(key)
            yield EncoderInput(key, chunk.header, chunk.text)
