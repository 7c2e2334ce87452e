"""The stores against the manifest: what differs, and making it right."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from membrowse.index.chroma_store import ChromaStore
from membrowse.index.generation import Generation, IndexedNote
from membrowse.index.keyword_document import Document, document
from membrowse.index.keyword_store import KeywordStore
from membrowse.index.manifest import Content
from membrowse.index.token_store import TokenStore
from membrowse.index.vector_store import VectorStore
from membrowse.notes.chunk import Chunk
from membrowse.wire.health import Discrepancy

log = logging.getLogger(__name__)

_BATCH = 2000


def repair_keyword(
    store: KeywordStore,
    chunks: Sequence[Chunk],
    notes: Mapping[str, IndexedNote],
    doubtful: Collection[str],
) -> int:
    """Make `store` hold exactly `chunks`, those whose ids are `doubtful` written again.

    Returns the number of documents that had to be deleted or added. Raises `OSError` where the disk
    is full; any other failure is damage, and then everything is written again.
    """
    try:
        return _mend(store, chunks, notes, doubtful)
    except OSError:
        raise
    except Exception:  # Whoosh's parsers raise anything on damaged files
        log.warning("the keyword index cannot be repaired; writing it again", exc_info=True)
        store.clear()
        return _mend(store, chunks, notes, ())


def _mend(
    store: KeywordStore,
    chunks: Sequence[Chunk],
    notes: Mapping[str, IndexedNote],
    doubtful: Collection[str],
) -> int:
    wanted = {chunk.id: chunk for chunk in chunks if chunk.id not in doubtful}
    surplus = [
        number
        for number, name in enumerate(store.documents())
        if name is not None and wanted.pop(name, None) is None
    ]
    missing = [chunk for chunk in chunks if chunk.id in wanted or chunk.id in doubtful]
    count = len(surplus) + len(missing)
    if surplus and len(missing) == len(chunks):
        store.clear()
        surplus = []
    for first in range(0, len(missing), _BATCH):
        some = missing[first : first + _BATCH]
        store.commit(surplus, _documents(some, notes))
        surplus = []
    if surplus:
        store.commit(surplus, ())
    return count


def _documents(chunks: Iterable[Chunk], notes: Mapping[str, IndexedNote]) -> Iterable[Document]:
    return (document(chunk, notes[chunk.path]) for chunk in chunks)


def discrepancies(
    generation: Generation,
    content: Content,
    keyword: KeywordStore,
    vectors: VectorStore,
    chroma: ChromaStore,
    tokens: TokenStore,
) -> list[Discrepancy]:
    """What every store holds against `content`, the manifest as it is on disk."""
    truth = {chunk.id for chunks in content.chunks.values() for chunk in chunks}
    indexed = [name for name in keyword.documents() if name is not None]
    stored = vectors.has(set(generation.keys))
    has_vector = {
        chunk.id
        for chunk, key in zip(generation.chunks, generation.keys, strict=True)
        if key in stored
    }
    in_matrix = {generation.chunks[row].id for row in np.flatnonzero(generation.encoded).tolist()}
    found = [
        *_compared("manifest", truth, set(generation.row_of)),
        *_compared("keyword", truth, set(indexed)),
        *_found("keyword", "repeated", {name for name, n in Counter(indexed).items() if n > 1}),
        *_compared("matrix", has_vector, in_matrix),
        *_found("tokens", "orphaned", tokens.keys() - vectors.keys() - set(generation.keys)),
    ]
    if chroma.opened:
        held = chroma.keys
        found += _compared("chroma", in_matrix, set(held))
        found += _found(
            "chroma",
            "outdated",
            {name for name in in_matrix & held.keys() if held[name] != _key(generation, name)},
        )
    elif chroma.problem:
        found.append(_discrepancy("chroma", chroma.problem, len(in_matrix)))
    return found


def _key(generation: Generation, chunk: str) -> str:
    return generation.keys[generation.row_of[chunk]]


def _compared(store: str, truth: set[str], held: set[str]) -> list[Discrepancy]:
    return [
        *_found(store, "missing", truth - held),
        *_found(store, "orphaned", held - truth),
    ]


def _found(store: str, kind: str, names: set[str]) -> list[Discrepancy]:
    return [_discrepancy(store, kind, len(names), min(names))] if names else []


def _discrepancy(store: str, kind: str, count: int, example: str = "") -> Discrepancy:
    return Discrepancy(store=store, kind=kind, count=count, example=example)
