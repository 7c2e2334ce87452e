"""Notes, chunks and vectors for tests, all derived from their text."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from membrowse.encoding.encoder import EncodedText, EncoderInput
from membrowse.encoding.pooling import normalise_rows, quantise
from membrowse.index.change_plan import NoteChange
from membrowse.index.generation import IndexedNote, content_key
from membrowse.index.index import Index
from membrowse.index.manifest import Recipe
from membrowse.index.protocols import SearchIndex
from membrowse.index.vector_table import VectorTable
from membrowse.notes.chunk import Chunk

DIMENSION = 16
RECIPE = Recipe(chunker="1", analyser="1", encoder="synthetic")
BUDGET = 50_000_000


def opened(directory: Path, recipe: Recipe = RECIPE, budget: int = BUDGET) -> Index:
    return Index(directory, recipe, token_budget=budget, dimension=DIMENSION)


def opened_copy(directory: Path) -> Index:
    """Open a copy of the index as the next process would find it after a kill now."""
    copy = directory.with_name("as-left")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(directory, copy)
    return opened(copy)


def chunk(
    path: str,
    position: int,
    text: str,
    *,
    title: str = "",
    headings: tuple[str, ...] = (),
    tags: tuple[str, ...] = (),
    header: str = "",
    ordinal: int = 0,
) -> Chunk:
    identity = f"{path}\0{headings}\0{text}\0{ordinal}"
    return Chunk(
        id=hashlib.sha256(identity.encode()).hexdigest()[:32],
        path=path,
        position=position,
        title=title or path.removesuffix(".md"),
        headings=headings,
        tags=tags,
        date="2026-03-02",
        header=header,
        text=text,
        start_line=position * 10 + 1,
        end_line=position * 10 + 9,
        start_offset=position * 1000,
        end_offset=position * 1000 + len(text),
    )


def note(path: str, count: int, *, date_source: str = "mtime") -> IndexedNote:
    return IndexedNote(
        path=path,
        name=path.removesuffix(".md"),
        title="",
        date="2026-03-02",
        date_source=date_source,
        size=100,
        mtime_ns=1_000_000_000,
        sha256="0" * 64,
        indexed_at="2026-03-02T00:00:00Z",
        warnings=(),
        chunks=count,
    )


def change(path: str, *texts: str, date_source: str = "mtime", **options: object) -> NoteChange:
    """Return the note at `path` with one chunk per text; `options` are those of `chunk`."""
    seen: dict[str, int] = {}
    parts = []
    for position, text in enumerate(texts):
        ordinal = seen[text] = seen.get(text, -1) + 1
        parts.append(chunk(path, position, text, ordinal=ordinal, **options))  # type: ignore[arg-type]
    return NoteChange(path, note(path, len(parts), date_source=date_source), tuple(parts))


def removal(path: str) -> NoteChange:
    return NoteChange(path, None, ())


@lru_cache(maxsize=10_000)
def vector(text: str, dimension: int = DIMENSION) -> NDArray[np.float32]:
    """Return a unit vector that depends only on `text`."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    drawn = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
    unit = normalise_rows(drawn)
    unit.flags.writeable = False
    return unit


def encoder_inputs(index: SearchIndex, chunks: Sequence[Chunk]) -> list[EncoderInput]:
    """Encoder inputs of `chunks` under their content keys."""
    return [
        EncoderInput(content_key(chunk, index.recipe.encoder), chunk.header, chunk.text)
        for chunk in chunks
    ]


def encode(texts: Sequence[EncoderInput], dimension: int = DIMENSION) -> list[EncodedText]:
    """Encode like an encoder: one vector, a passage per line, a token per word."""
    return [_encoded(text, dimension) for text in texts]


@lru_cache(maxsize=10_000)
def _encoded(text: EncoderInput, dimension: int) -> EncodedText:
    words = text.encoded_text.split() or ["-"]
    tokens, scales = quantise(np.stack([vector(word, dimension) for word in words]))
    lines = text.text.splitlines() or ["-"]
    return EncodedText(
        key=text.key,
        vector=vector(text.encoded_text, dimension),
        passages=np.stack([vector(line, dimension) for line in lines]),
        tokens=tokens,
        scales=scales,
    )


def all_vectors(table: VectorTable) -> list[bytes]:
    """By row, the bytes of all its vectors."""
    rows = range(len(table.entries))
    return [table.vectors([row]).tobytes() + table.passages(row).tobytes() for row in rows]


def encode_all(index: Index) -> None:
    """Give every chunk its vectors."""
    index.add_vectors(encode(index.unencoded()), "float32")
