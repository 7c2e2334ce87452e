"""Two explained chunks, side by side: contributions, and what only one of them says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from membrowse.index.analyser import Token, TokenKind, analyse, fold_word
from membrowse.index.stop_words import STOP_WORDS
from membrowse.wire.comparison import ScoreDifference
from membrowse.wire.explanation import Explanation, KeywordExplanation
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, VECTOR

MOST_WORDS = 40
"""Words that only one says, which are told."""

Frequency = Callable[[str], int]
"""A term to the number of chunks whose text holds it."""


def differences(left: Explanation, right: Explanation) -> tuple[ScoreDifference, ...]:
    """Contributions side by side: ranking by ranking, the largest difference first.

    Those of a ranking add up to the difference of its two scores: the share of MaxSim that a word
    of the query has is told as what it adds to the reranked score (only beyond the pool as it is).
    """
    rankings = (
        _keyword(left.keyword, right.keyword),
        _vector(left, right),
        _fused(left, right),
        _reranked(left, right),
    )
    return tuple(chain.from_iterable(sorted(found, key=_by_size) for found in rankings))


def _by_size(difference: ScoreDifference) -> float:
    return -abs(difference.difference)


def _difference(ranking: str, what: str, left: float, right: float) -> ScoreDifference:
    return ScoreDifference(
        ranking=ranking, what=what, left=left, right=right, difference=left - right
    )


def _keyword(left: KeywordExplanation, right: KeywordExplanation) -> Iterator[ScoreDifference]:
    of_left = {term.term: term.contribution for term in left.terms}
    of_right = {term.term: term.contribution for term in right.terms}
    for term, contribution in of_left.items():
        if contribution or of_right.get(term):
            yield _difference(KEYWORD, term, contribution, of_right.get(term, 0.0))


def _vector(left: Explanation, right: Explanation) -> Iterator[ScoreDifference]:
    weight = left.vector.passage_weight
    best = [
        passages[0].similarity if (passages := each.vector.passages) else 0.0
        for each in (left, right)
    ]
    if weight and any(best):
        yield _difference(VECTOR, "passage", weight * best[0], weight * best[1])
    whole = [(1.0 - weight) * (each.vector.cosine or 0.0) for each in (left, right)]
    if weight < 1.0 and any(whole):
        yield _difference(VECTOR, "chunk", whole[0], whole[1])


def _fused(left: Explanation, right: Explanation) -> Iterator[ScoreDifference]:
    for one, other in zip(left.fused.inputs, right.fused.inputs, strict=True):
        if one.contribution or other.contribution:
            yield _difference(FUSED, one.ranking, one.contribution, other.contribution)


def _reranked(of_left: Explanation, of_right: Explanation) -> Iterator[ScoreDifference]:
    left, right = of_left.reranked, of_right.reranked
    pooled = left.in_pool and right.in_pool
    if pooled:
        yield _difference(RERANKED, FUSED, left.fused_contribution, right.fused_contribution)
    told = pooled and left.raw is not None and right.raw is not None
    if told and not (left.tokens and right.tokens):
        yield _difference(RERANKED, left.method, left.contribution, right.contribution)
    spread = left.high - left.low
    scale = (left.blend_used / spread if spread > 0 else 0.0) if pooled else 1.0
    words = zip(_by_word(of_left), _by_word(of_right), strict=False)
    for (word, one), (_, other) in words:
        if one or other:
            yield _difference(RERANKED, word, scale * one, scale * other)


def _by_word(explained: Explanation) -> list[tuple[str, float]]:
    """The query's words with their shares of MaxSim: pieces that touch are of one word."""
    text, end = explained.query, 0
    words: list[tuple[str, float]] = []
    for token in explained.reranked.tokens:
        start = text.find(token.word, end)
        touches = words and start == end and (text[start - 1 : start + 1]).isalnum()
        if touches:
            word, share = words.pop()
            words.append((word + token.word, share + token.contribution))
        else:
            words.append((token.word, token.contribution))
        end = start + len(token.word) if start >= 0 else end
    return words


def only_in(one: str, other: str, frequency: Frequency) -> tuple[str, ...]:
    """Words that only the text `one` says, as written, the rarest first."""
    others = {token.term for token in analyse(other)}
    tokens = [token for token in analyse(one) if token.term not in others]
    words: dict[str, tuple[int, str]] = {}
    for written, term in _written(one, tokens):
        if fold_word(written) not in STOP_WORDS:
            words.setdefault(term, (frequency(term), written))
    return tuple(written for _, written in sorted(words.values()))[:MOST_WORDS]


def _written(text: str, tokens: Iterable[Token]) -> Iterator[tuple[str, str]]:
    """Words as written, each with a term of it: an identifier whole and without its parts, pairs
    of a script without spaces joined."""
    start = end = 0
    term = ""
    for token in tokens:
        if token.kind is TokenKind.PART:
            continue
        joins = token.start < end and token.kind is TokenKind.PAIR
        if joins:
            end = max(end, token.end)
        elif token.start >= end:
            if end:
                yield text[start:end], term
            start, end, term = token.start, token.end, token.term
    if end:
        yield text[start:end], term
