"""Compare every store of an index with the manifest."""

from __future__ import annotations

from collections import Counter

import numpy as np

from membrowse.index.chroma_store import ChromaStore, fingerprint
from membrowse.index.generation import Generation
from membrowse.index.keyword_store import KeywordStore
from membrowse.index.manifest import ManifestContent
from membrowse.index.token_store import TokenStore
from membrowse.index.vector_store import VectorStore
from membrowse.wire.health import Discrepancy


def find_discrepancies(
    generation: Generation,
    content: ManifestContent,
    keyword: KeywordStore,
    vectors: VectorStore,
    chroma: ChromaStore,
    tokens: TokenStore,
) -> list[Discrepancy]:
    """Return every difference between the stores and `content`, the manifest as it is on disk."""
    manifest = {chunk for note in content.chunks.values() for chunk in note.ids}
    indexed = [chunk for chunk in keyword.documents() if chunk is not None]
    stored = vectors.has(set(generation.keys))
    has_vector = {
        chunk
        for chunk, key in zip(generation.chunks.ids, generation.keys, strict=True)
        if key in stored
    }
    in_matrix = {generation.chunks.id(row) for row in np.flatnonzero(generation.encoded).tolist()}
    found = [
        *_differences("manifest", manifest, set(generation.row_of)),
        *_differences("keyword", manifest, set(indexed)),
        *_report("keyword", "repeated", {chunk for chunk, n in Counter(indexed).items() if n > 1}),
        *_differences("matrix", has_vector, in_matrix),
        *_report("tokens", "orphaned", tokens.keys() - vectors.keys() - set(generation.keys)),
    ]
    if chroma.opened:
        keys = chroma.keys
        outdated = {
            chunk
            for chunk in in_matrix & keys.keys()
            if keys[chunk] != fingerprint(generation.keys[generation.row_of[chunk]])
        }
        found += _differences("chroma", in_matrix, set(keys))
        found += _report("chroma", "outdated", outdated)
    elif chroma.problem:
        found.append(
            Discrepancy(store="chroma", kind=chroma.problem, count=len(in_matrix), example="")
        )
    return found


def _differences(store: str, expected: set[str], actual: set[str]) -> list[Discrepancy]:
    return [
        *_report(store, "missing", expected - actual),
        *_report(store, "orphaned", actual - expected),
    ]


def _report(store: str, kind: str, ids: set[str]) -> list[Discrepancy]:
    if not ids:
        return []
    return [Discrepancy(store=store, kind=kind, count=len(ids), example=min(ids))]
