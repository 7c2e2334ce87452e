"""Show which words of a chunk's text answer the query, from late interaction's similarities."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from membrowse.ranking.explanation.token_matches import ChunkToken, Interaction
from membrowse.ranking.fusion import minmax_value
from membrowse.wire.explanation import HeatSpan


def heat(text: str, interaction: Interaction | None) -> tuple[HeatSpan, ...]:
    """Return a span per word of `text` (the chunk's), in order; none for punctuation.

    A word is as strong as its strongest piece.
    """
    if interaction is None or not interaction.tokens or not interaction.weights.any():
        return ()
    weighted = interaction.similarity * interaction.weights[None]
    best = weighted.argmax(axis=1).tolist()
    strengths = weighted.max(axis=1).tolist()
    words = list(_token_words(text, interaction.tokens))
    if not words:
        return ()
    strongest = [max(numbers, key=lambda number: strengths[number]) for _, _, numbers in words]
    word_strengths = np.array([strengths[number] for number in strongest])
    low, high = float(word_strengths.min()), float(word_strengths.max())
    return tuple(
        HeatSpan(
            start=start,
            end=end,
            strength=minmax_value(strengths[number], low, high),
            answers=_whole_word(interaction, best[number]),
        )
        for (start, end, _), number in zip(words, strongest, strict=True)
    )


def _token_words(text: str, tokens: list[ChunkToken]) -> Iterator[tuple[int, int, list[int]]]:
    """Yield start, end and token numbers of each run of adjacent tokens of the text."""
    start = end = 0
    numbers: list[int] = []
    for number, token in enumerate(tokens):
        is_word = any(map(str.isalnum, text[token.start : token.end]))
        if token.in_header or token.end <= token.start or not is_word:
            continue
        if numbers and token.start > end:
            yield start, end, numbers
            numbers = []
        if not numbers:
            start = token.start
        end = max(end, token.end) if numbers else token.end
        numbers.append(number)
    if numbers:
        yield start, end, numbers


def _whole_word(interaction: Interaction, number: int) -> str:
    """Return the query's word around the piece with this number."""
    text, piece = interaction.query.text, interaction.query.pieces[number]
    start, end = piece.start, piece.end
    while start and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return text[start:end]
