"""Find chunks with nearly the same wording: stale copies are the most common wrong answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from membrowse.index.analyser import TokenKind, analyse
from membrowse.index.generation import Generation
from membrowse.index.protocols import BestChunks

MIN_RESEMBLANCE = 0.6
"""Resemblance from which two chunks are near-duplicates."""
_MAX_CANDIDATES = 24
_MIN_COSINE = 0.5
"""Cosine of candidates: chunks that share most of their words are always nearer."""
_RAREST_TERMS = 12


@dataclass(frozen=True, slots=True)
class NearDuplicateRow:
    """A near-duplicate by row."""

    row: int
    resemblance: float
    """Jaccard index of the analysed terms of both texts, 0 to 1."""
    cosine: float | None
    """Cosine of the chunks' own vectors; None if either is not encoded."""


def resemblance_terms(text: str) -> frozenset[str]:
    """Return the terms that count for a text's resemblance: identifiers once, by their parts."""
    return frozenset(token.term for token in analyse(text) if token.kind is not TokenKind.WHOLE)


def resemblance(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the share of all terms that both have (Jaccard index), 0 to 1."""
    either = len(one | other)
    return len(one & other) / either if either else 0.0


def near_duplicates(
    generation: Generation, row: int, pause: Callable[[], None] = lambda: None
) -> list[NearDuplicateRow]:
    """Return the near-duplicates of the chunk at `row`, most similar first.

    Candidates are the nearest chunks by cosine, or those that share the rarest terms if `row` is
    not encoded. Calls `pause` before each comparison.
    """
    terms = resemblance_terms(generation.chunks[row].text)
    if not terms:
        return []
    duplicates: list[NearDuplicateRow] = []
    for candidate, cosine in _candidates(generation, row, terms):
        pause()
        similarity = resemblance(terms, resemblance_terms(generation.chunks[candidate].text))
        if similarity >= MIN_RESEMBLANCE:
            duplicates.append(NearDuplicateRow(candidate, similarity, cosine))
    return sorted(duplicates, key=lambda other: (-other.resemblance, other.row))


def _candidates(
    generation: Generation, row: int, terms: frozenset[str]
) -> Iterator[tuple[int, float | None]]:
    if not generation.encoded[row]:
        for candidate in _sharing_rarest_terms(generation, row, terms):
            yield candidate, None
        return
    if generation.best_chunks is not None:
        yield from _nearest_in_store(generation, generation.best_chunks, row)
        return
    cosines = generation.vectors.cosines(generation.vectors.stored(row).vector)
    cosines[~generation.encoded] = -1.0
    cosines[row] = -1.0
    count = min(_MAX_CANDIDATES, len(cosines))
    for candidate in np.argpartition(-cosines, count - 1)[:count].tolist():
        if cosines[candidate] >= _MIN_COSINE:
            yield candidate, float(cosines[candidate])


def _nearest_in_store(
    generation: Generation, store: BestChunks, row: int
) -> Iterator[tuple[int, float]]:
    """Chunks with a passage near the chunk at `row`, by the cosine of the whole chunks."""
    own = generation.vectors_of(row)
    if own is None:
        return
    near = [other for other in store.nearest(own.vector, None).rows.tolist() if other != row]
    for candidate, vectors in store.vectors(near[:_MAX_CANDIDATES]).items():
        cosine = float(vectors.vector @ own.vector)
        if cosine >= _MIN_COSINE:
            yield candidate, cosine


def _sharing_rarest_terms(generation: Generation, row: int, terms: frozenset[str]) -> list[int]:
    """Return the chunks that share the most of the text's rarest terms."""
    reader = generation.keyword
    rows_by_term = {term: reader.rows_with("body", term) for term in terms}
    rarest = sorted((term for term in terms), key=lambda term: (len(rows_by_term[term]), term))
    shared: Counter[int] = Counter()
    for term in rarest[:_RAREST_TERMS]:
        shared.update(rows_by_term[term].tolist())
    del shared[row]
    return [candidate for candidate, _ in shared.most_common(_MAX_CANDIDATES)]
