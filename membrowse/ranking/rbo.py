"""Rank-biased overlap: how similar two rankings are, weighted towards the top."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

PERSISTENCE = 0.9
"""Probability that a reader continues to the next hit; the first ten hits weigh 86%."""


def rank_biased_overlap(
    one: Sequence[Hashable], other: Sequence[Hashable], p: float = PERSISTENCE
) -> float:
    """Return the rank-biased overlap of two rankings without repetitions, 0 (disjoint) to 1.

    Extrapolated to infinite depth by RBO_ext, for lists of any lengths (equation 32 of Webber,
    Moffat and Zobel, "A Similarity Measure for Indefinite Rankings", TOIS 28, 2010). Two empty
    rankings are identical; an empty and a non-empty one are disjoint.
    """
    short, long = sorted((one, other), key=len)
    if not short:
        return 1.0 if not long else 0.0
    s, l = len(short), len(long)  # noqa: E741  (the paper's names)
    shared = _shared_members(short, long)
    total = sum(shared[d - 1] / d * p**d for d in range(1, l + 1))
    total += sum(shared[s - 1] * (d - s) / (s * d) * p**d for d in range(s + 1, l + 1))
    rest = (shared[l - 1] - shared[s - 1]) / l + shared[s - 1] / s
    return min(1.0, (1 - p) / p * total + rest * p**l)


def _shared_members(short: Sequence[Hashable], long: Sequence[Hashable]) -> list[int]:
    """At each depth of `long`, from 1: how many members the two prefixes have in common."""
    seen_short: set[Hashable] = set()
    seen_long: set[Hashable] = set()
    common = 0
    shared: list[int] = []
    for depth, member in enumerate(long):
        seen_long.add(member)
        common += member in seen_short
        if depth < len(short):
            seen_short.add(short[depth])
            common += short[depth] in seen_long
        shared.append(common)
    return shared
