"""Compare two explained chunks under one query: differences, verdict and near-duplicates."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from membrowse.counts import counted
from membrowse.index.analyser import Token, TokenKind, analyse, fold_word
from membrowse.index.stop_words import STOP_WORDS
from membrowse.ranking import search_response
from membrowse.ranking.elapsed import elapsed_ms
from membrowse.ranking.near_duplicates import (
    MIN_RESEMBLANCE,
    near_duplicates,
    resemblance,
    resemblance_terms,
)
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.wire.comparison import Comparison, NearDuplicate, ScoreDifference
from membrowse.wire.explanation import Explanation, KeywordExplanation
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, VECTOR

NAME = "name"
"""The bonus of a note that the query names."""
MAX_NEAR_DUPLICATES = 10
"""Near-duplicates listed for each of the two chunks."""
MAX_WORDS = 40
"""Words listed that only one of the texts contains."""
LEFT, RIGHT = "left", "right"
_DIGITS = 6
"""Of a difference; what is smaller comes from the order in which numbers were added."""

Frequency = Callable[[str], int]
"""A term to the number of chunks whose text contains it."""
_Signed = Sequence[tuple[ScoreDifference, float]]
"""Differences with a sign: positive if they favour the first chunk."""


def compare_chunks(
    ranked_query: RankedQuery,
    left: Explanation,
    right: Explanation,
    pause: Callable[[], None] = lambda: None,
) -> Comparison:
    """Compare two explanations of one ranked query; calls `pause` between steps."""
    started = time.perf_counter()
    reader = ranked_query.generation.keyword

    def frequency(term: str) -> int:
        return len(reader.rows_with("body", term))

    differences = score_differences(left, right)
    rows = {ranked_query.row_of[each.hit.chunk] for each in (left, right)}
    sides = {LEFT: left, RIGHT: right} if len(rows) == 2 else {LEFT: left}
    duplicates = tuple(
        duplicate
        for side, explanation in sides.items()
        for duplicate in _near_duplicates(ranked_query, explanation, side, rows, pause)
    )
    similarity = resemblance(resemblance_terms(left.text), resemblance_terms(right.text))
    return Comparison(
        query=ranked_query.parsed.text,
        verdict=_comparison_verdict(left, right, differences, similarity, duplicates),
        left=left,
        right=right,
        differences=differences,
        only_left=words_only_in(left.text, right.text, frequency),
        only_right=words_only_in(right.text, left.text, frequency),
        near_duplicates=duplicates,
        took_ms=elapsed_ms(started),
    )


def _near_duplicates(
    ranked_query: RankedQuery,
    of: Explanation,
    side: str,
    compared: set[int],
    pause: Callable[[], None],
) -> Iterator[NearDuplicate]:
    """Yield near-duplicates of `of` other than the `compared` rows."""
    found = near_duplicates(ranked_query.generation, ranked_query.row_of[of.hit.chunk], pause)
    others = [each for each in found if each.row not in compared]
    for other in others[:MAX_NEAR_DUPLICATES]:
        hit = search_response.hit_at(ranked_query, other.row)
        yield NearDuplicate(
            chunk=hit.chunk,
            path=hit.path,
            heading=hit.heading,
            start_line=hit.start_line,
            end_line=hit.end_line,
            date=hit.date,
            of=side,
            resemblance=other.resemblance,
            cosine=other.cosine,
            rank=hit.ranks.get(RERANKED),
            snippet=hit.snippet,
        )


def score_differences(left: Explanation, right: Explanation) -> tuple[ScoreDifference, ...]:
    """Compare contributions ranking by ranking, largest difference first.

    The differences of a ranking sum to the difference of its two scores: a query word's share of
    MaxSim counts as much as it adds to the reranked score (beyond the pool, as it is).
    """
    rankings = (
        _keyword_differences(left.keyword, right.keyword),
        _vector_differences(left, right),
        _fused_differences(left, right),
        _reranked_differences(left, right),
    )
    return tuple(chain.from_iterable(sorted(each, key=_by_size) for each in rankings))


def _by_size(difference: ScoreDifference) -> float:
    return -round(abs(difference.difference), _DIGITS)


def _score_difference(ranking: str, what: str, left: float, right: float) -> ScoreDifference:
    return ScoreDifference(
        ranking=ranking, what=what, left=left, right=right, difference=left - right
    )


def _keyword_differences(
    left: KeywordExplanation, right: KeywordExplanation
) -> Iterator[ScoreDifference]:
    right_terms = {term.term: term.contribution for term in right.terms}
    for term in left.terms:
        other = right_terms.get(term.term, 0.0)
        if term.contribution or other:
            yield _score_difference(KEYWORD, term.term, term.contribution, other)


def _vector_differences(left: Explanation, right: Explanation) -> Iterator[ScoreDifference]:
    weight = left.vector.passage_weight
    best = [
        passages[0].similarity if (passages := each.vector.passages) else 0.0
        for each in (left, right)
    ]
    if weight and any(best):
        yield _score_difference(VECTOR, "passage", weight * best[0], weight * best[1])
    whole = [(1.0 - weight) * (each.vector.cosine or 0.0) for each in (left, right)]
    if weight < 1.0 and any(whole):
        yield _score_difference(VECTOR, "chunk", whole[0], whole[1])


def _fused_differences(left: Explanation, right: Explanation) -> Iterator[ScoreDifference]:
    for one, other in zip(left.fused.inputs, right.fused.inputs, strict=True):
        if one.contribution or other.contribution:
            yield _score_difference(FUSED, one.ranking, one.contribution, other.contribution)


def _reranked_differences(
    left_explanation: Explanation, right_explanation: Explanation
) -> Iterator[ScoreDifference]:
    left, right = left_explanation.reranked, right_explanation.reranked
    pooled = left.in_pool and right.in_pool
    if pooled:
        yield _score_difference(RERANKED, FUSED, left.fused_contribution, right.fused_contribution)
        if left.name_bonus or right.name_bonus:
            yield _score_difference(RERANKED, NAME, left.name_bonus, right.name_bonus)
    scored = pooled and left.raw is not None and right.raw is not None
    if scored and not (left.tokens and right.tokens):
        yield _score_difference(RERANKED, left.method, left.contribution, right.contribution)
    spread = left.high - left.low
    scale = (left.blend_used / spread if spread > 0 else 0.0) if pooled else 1.0
    words = zip(_word_shares(left_explanation), _word_shares(right_explanation), strict=False)
    for (word, one), (_, other) in words:
        if one or other:
            yield _score_difference(RERANKED, word, scale * one, scale * other)


def _word_shares(explanation: Explanation) -> list[tuple[str, float]]:
    """Return the query's words with their shares of MaxSim; adjacent pieces form one word."""
    text, end = explanation.query, 0
    words: list[tuple[str, float]] = []
    for token in explanation.reranked.tokens:
        start = text.find(token.word, end)
        adjacent = words and start == end and (text[start - 1 : start + 1]).isalnum()
        if adjacent:
            word, share = words.pop()
            words.append((word + token.word, share + token.contribution))
        else:
            words.append((token.word, token.contribution))
        end = start + len(token.word) if start >= 0 else end
    return words


def words_only_in(one: str, other: str, frequency: Frequency) -> tuple[str, ...]:
    """Return words, as written, that only the text `one` contains, rarest first."""
    other_terms = {token.term for token in analyse(other)}
    tokens = [token for token in analyse(one) if token.term not in other_terms]
    words: dict[str, tuple[int, str]] = {}
    for written, term in _written_words(one, tokens):
        if fold_word(written) not in STOP_WORDS:
            words.setdefault(term, (frequency(term), written))
    return tuple(written for _, written in sorted(words.values()))[:MAX_WORDS]


def _written_words(text: str, tokens: Iterable[Token]) -> Iterator[tuple[str, str]]:
    """Yield words as written, each with one of its terms.

    An identifier is one word without its parts; adjacent pairs of a script without spaces are
    joined.
    """
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


def _comparison_verdict(
    left: Explanation,
    right: Explanation,
    differences: Sequence[ScoreDifference],
    similarity: float,
    duplicates: Iterable[NearDuplicate],
) -> str:
    """Say in one sentence which chunk ranks higher, and why.

    `similarity` is the resemblance of the two; `duplicates` are near-duplicates of one of them.
    """
    if left.hit.chunk == right.hit.chunk:
        return f"Both are the same chunk, {_label(left)}."
    clauses = [_rank_clause(left, right, differences), _newer_clause(left, right)]
    if similarity >= MIN_RESEMBLANCE:
        clauses.append(f"the two are nearly the same ({similarity:.0%} of their words)")
    duplicate = next(iter(duplicates), None)
    if duplicate is not None:
        original = _label(left if duplicate.of == LEFT else right)
        clauses.append(f"{duplicate.path}:{duplicate.start_line} is nearly the same as {original}")
    return "; ".join(filter(None, clauses)) + "."


def _label(explanation: Explanation) -> str:
    return f"{explanation.hit.path}:{explanation.hit.start_line}"


def _rank_clause(
    left: Explanation, right: Explanation, differences: Sequence[ScoreDifference]
) -> str:
    ranks = left.hit.rank, right.hit.rank
    if not all(ranks):
        return " and ".join(map(_single_rank_clause, (left, right)))
    left_leads = ranks[0] < ranks[1]
    first, second = (left, right) if left_leads else (right, left)
    places = second.hit.rank - first.hit.rank
    above = f"{counted(places, 'place')} above"
    clause = f"{_label(first)} is #{first.hit.rank}, {above} {_label(second)}"
    sign = 1.0 if left_leads else -1.0
    reason = _why_above(first, second, [(d, sign * d.difference) for d in differences])
    return f"{clause}, {reason}" if reason else clause


def _single_rank_clause(explanation: Explanation) -> str:
    if explanation.hit.rank:
        return f"{_label(explanation)} is #{explanation.hit.rank}"
    excluded = explanation.keyword.excluded
    return f"{_label(explanation)} is not ranked" + (f" ({excluded})" if excluded else "")


def _why_above(first: Explanation, second: Explanation, signed: _Signed) -> str:
    """Say why `first` ranks above `second`."""
    if first.reranked.in_pool and not second.reranked.in_pool and second.reranked.pool:
        return f"because only it is in the candidate pool of {second.reranked.pool}"
    if first.reranked.name_bonus > second.reranked.name_bonus:
        return "because the query is its note's file name"
    gained = first.reranked.contribution - second.reranked.contribution
    fused = first.reranked.fused_contribution - second.reranked.fused_contribution
    if first.reranked.in_pool and gained >= fused:
        word = _largest_difference(signed, RERANKED, without=FUSED)
        return f"mainly by the reranker{_on_word(word, {})}"
    input_ = _largest_difference(signed, FUSED)
    if input_ is None:
        return ""
    if input_.what == VECTOR:
        return "mainly by vector"
    typed = {term.term: term.typed for term in first.keyword.terms}
    return f"mainly by keyword{_on_word(_largest_difference(signed, KEYWORD), typed)}"


def _on_word(difference: ScoreDifference | None, typed: Mapping[str, str]) -> str:
    """Name the decisive word; `typed` maps terms to words as typed."""
    if difference is None:
        return ""
    word = typed.get(difference.what, difference.what)
    return f", on “{word}” ({abs(difference.difference):.2f} more)"


def _largest_difference(signed: _Signed, ranking: str, without: str = "") -> ScoreDifference | None:
    """Return the difference in `ranking` that favours the first chunk most."""
    favouring = [
        (size, difference)
        for difference, size in signed
        if difference.ranking == ranking
        and difference.what != without
        and round(size, _DIGITS) > 0.0
    ]
    return max(favouring, key=lambda each: each[0])[1] if favouring else None


def _newer_clause(left: Explanation, right: Explanation) -> str:
    dates = left.hit.date, right.hit.date
    if not all(dates) or dates[0] == dates[1]:
        return ""
    newer = left if dates[0] > dates[1] else right
    return f"{_label(newer)} is newer ({max(dates)} vs {min(dates)})"
