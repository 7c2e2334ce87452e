"""Chunks with nearly the same wording as another: stale copies are the commonest wrong answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from membrowse.index.analyser import TokenKind, analyse
from membrowse.index.generation import Generation

ENOUGH = 0.6
"""Resemblance from which two chunks say nearly the same."""
_CANDIDATES = 24
_NEAR = 0.5
"""Cosine of candidates: chunks that share most of their words are nearer than that."""
_RAREST = 12


@dataclass(frozen=True, slots=True)
class NearDuplicateRow:
    row: int
    resemblance: float
    """Jaccard over the analysed terms of both texts, 0 to 1."""
    cosine: float | None
    """Of the chunks' own vectors; None where either is not encoded."""


def terms(text: str) -> frozenset[str]:
    """The terms of a text that count for its resemblance: identifiers once, by their parts."""
    return frozenset(token.term for token in analyse(text) if token.kind is not TokenKind.WHOLE)


def resemblance(one: frozenset[str], other: frozenset[str]) -> float:
    """Share of all terms that both have (Jaccard), 0 to 1."""
    either = len(one | other)
    return len(one & other) / either if either else 0.0


def near_duplicates(
    generation: Generation, row: int, pause: Callable[[], None] = lambda: None
) -> list[NearDuplicateRow]:
    """The chunks whose texts resemble that of `row` by `ENOUGH`, the most alike first.

    Looked for among the nearest by cosine, or where `row` is not encoded, among those that share
    its rarest terms.
    """
    wanted = terms(generation.chunks[row].text)
    if not wanted:
        return []
    found: list[NearDuplicateRow] = []
    for candidate, cosine in _candidates(generation, row, wanted):
        pause()
        alike = resemblance(wanted, terms(generation.chunks[candidate].text))
        if alike >= ENOUGH:
            found.append(NearDuplicateRow(candidate, alike, cosine))
    return sorted(found, key=lambda other: (-other.resemblance, other.row))


def _candidates(
    generation: Generation, row: int, wanted: frozenset[str]
) -> Iterator[tuple[int, float | None]]:
    if not generation.encoded[row]:
        for candidate in _sharing(generation, row, wanted):
            yield candidate, None
        return
    cosines = generation.matrix @ generation.matrix[row]
    cosines[~generation.encoded] = -1.0
    cosines[row] = -1.0
    most = min(_CANDIDATES, len(cosines))
    for candidate in np.argpartition(-cosines, most - 1)[:most].tolist():
        if cosines[candidate] >= _NEAR:
            yield candidate, float(cosines[candidate])


def _sharing(generation: Generation, row: int, wanted: frozenset[str]) -> list[int]:
    """The chunks that hold the most of the text's rarest terms."""
    reader = generation.keyword
    holders = {term: reader.postings("body", term)[0] for term in wanted}
    rarest = sorted((term for term in wanted), key=lambda term: (len(holders[term]), term))
    shared: Counter[int] = Counter()
    for term in rarest[:_RAREST]:
        shared.update(holders[term].tolist())
    del shared[row]
    return [candidate for candidate, _ in shared.most_common(_CANDIDATES)]
