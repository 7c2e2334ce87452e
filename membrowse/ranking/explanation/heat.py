"""Which parts of a chunk's text answer the query, from late interaction's similarities."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from membrowse.ranking.explanation.token_matches import Interaction, Placed
from membrowse.ranking.fusion import stretched
from membrowse.wire.explanation import HeatSpan


def heat(text: str, interaction: Interaction | None) -> tuple[HeatSpan, ...]:
    """A span for every word of `text` (the chunk's), in order; punctuation has none.

    A word's strength is that of its strongest piece.
    """
    if interaction is None or not interaction.places or not interaction.weights.any():
        return ()
    weighted = interaction.similarity * interaction.weights[None]
    best = weighted.argmax(axis=1).tolist()
    strengths = weighted.max(axis=1).tolist()
    words = list(_words(text, interaction.places))
    if not words:
        return ()
    strongest = [max(tokens, key=lambda token: strengths[token]) for _, _, tokens in words]
    found = np.array([strengths[token] for token in strongest])
    low, high = float(found.min()), float(found.max())
    return tuple(
        HeatSpan(
            start=start,
            end=end,
            strength=stretched(strengths[token], low, high),
            answers=_whole_word(interaction, best[token]),
        )
        for (start, end, _), token in zip(words, strongest, strict=True)
    )


def _words(text: str, places: list[Placed]) -> Iterator[tuple[int, int, list[int]]]:
    """Runs of pieces of the text that touch: start, end, and the numbers of their tokens."""
    start = end = 0
    tokens: list[int] = []
    for number, place in enumerate(places):
        spoken = any(map(str.isalnum, text[place.start : place.end]))
        if place.in_header or place.end <= place.start or not spoken:
            continue
        if tokens and place.start > end:
            yield start, end, tokens
            tokens = []
        if not tokens:
            start = place.start
        end = max(end, place.end) if tokens else place.end
        tokens.append(number)
    if tokens:
        yield start, end, tokens


def _whole_word(interaction: Interaction, number: int) -> str:
    """The query's word around a piece of it."""
    text, piece = interaction.query.text, interaction.query.pieces[number]
    start, end = piece.start, piece.end
    while start and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return text[start:end]
