"""Which of two explained chunks stands higher, and through what, in one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from membrowse.ranking.near_duplicates import ENOUGH
from membrowse.wire.comparison import NearDuplicate, ScoreDifference
from membrowse.wire.explanation import Explanation
from membrowse.wire.search import FUSED, KEYWORD, RERANKED, VECTOR

LEFT, RIGHT = "left", "right"


def verdict(
    left: Explanation,
    right: Explanation,
    differences: Sequence[ScoreDifference],
    resemblance: float,
    copies: Iterable[NearDuplicate],
) -> str:
    """The sentence. `resemblance` is that of the two; `copies` resemble one of them."""
    if left.hit.chunk == right.hit.chunk:
        return f"Both are the same chunk, {label(left)}."
    said = [_standing(left, right, differences)]
    newer = _newer(left, right)
    if newer:
        said.append(newer)
    if resemblance >= ENOUGH:
        said.append(f"the two say nearly the same ({resemblance:.0%} of their words)")
    copy = next(iter(copies), None)
    if copy is not None:
        of = label(left if copy.of == LEFT else right)
        said.append(f"{copy.path}:{copy.start_line} says nearly the same as {of}")
    return "; ".join(said) + "."


def label(explained: Explanation) -> str:
    """The chunk as path and line."""
    return f"{explained.hit.path}:{explained.hit.start_line}"


def _standing(left: Explanation, right: Explanation, differences: Sequence[ScoreDifference]) -> str:
    ranks = left.hit.rank, right.hit.rank
    if not all(ranks):
        return " and ".join(map(_alone, (left, right)))
    left_leads = ranks[0] < ranks[1]
    first, second = (left, right) if left_leads else (right, left)
    places = second.hit.rank - first.hit.rank
    above = f"{places} place{'' if places == 1 else 's'} above"
    stands = f"{label(first)} stands at #{first.hit.rank}, {above} {label(second)}"
    sign = 1.0 if left_leads else -1.0
    through = _through(first, second, [(d, sign * d.difference) for d in differences])
    return f"{stands}, {through}" if through else stands


def _alone(explained: Explanation) -> str:
    if explained.hit.rank:
        return f"{label(explained)} stands at #{explained.hit.rank}"
    excluded = explained.keyword.excluded
    return f"{label(explained)} has no rank" + (f" ({excluded})" if excluded else "")


_Signed = Sequence[tuple[ScoreDifference, float]]
"""Differences, positive where they favour the first."""


def _through(first: Explanation, second: Explanation, signed: _Signed) -> str:
    """What the first owes its place to."""
    if first.reranked.in_pool and not second.reranked.in_pool and second.reranked.pool:
        return f"since only it is in the candidate pool of {second.reranked.pool}"
    gained = first.reranked.contribution - second.reranked.contribution
    fused = first.reranked.fused_contribution - second.reranked.fused_contribution
    if first.reranked.in_pool and gained >= fused:
        word = _largest(signed, RERANKED, without=FUSED)
        return f"mostly through the reranker{_on(word, {})}"
    input_ = _largest(signed, FUSED)
    if input_ is None:
        return ""
    if input_.what == VECTOR:
        return "mostly through the vector"
    typed = {term.term: term.typed for term in first.keyword.terms}
    return f"mostly through keyword{_on(_largest(signed, KEYWORD), typed)}"


def _on(difference: ScoreDifference | None, typed: Mapping[str, str]) -> str:
    """The word that tells most; `typed`: how terms were typed."""
    if difference is None:
        return ""
    word = typed.get(difference.what, difference.what)
    return f", on “{word}” ({abs(difference.difference):.2f} more)"


def _largest(signed: _Signed, ranking: str, without: str = "") -> ScoreDifference | None:
    """What favours the first most in `ranking`."""
    found = [
        (size, difference)
        for difference, size in signed
        if difference.ranking == ranking and difference.what != without and size > 0
    ]
    return max(found, key=lambda each: each[0])[1] if found else None


def _newer(left: Explanation, right: Explanation) -> str:
    dates = left.hit.date, right.hit.date
    if not all(dates) or dates[0] == dates[1]:
        return ""
    newer = left if dates[0] > dates[1] else right
    return f"{label(newer)} is the newer ({max(dates)} against {min(dates)})"
