"""Ranks of a chunk in several rankings, and how they moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from membrowse.presentation import figures
from membrowse.presentation.lines import Part
from membrowse.text import shown
from membrowse.wire.search import FUSED, KEYWORD, RANKINGS, RERANKED, VECTOR, Hit

LETTERS = {KEYWORD: "k", VECTOR: "v", FUSED: "f", RERANKED: "r"}


def letters(names: Iterable[str]) -> dict[str, str]:
    """A short name for each ranking: a letter for ours, a unique prefix for any other."""
    found: dict[str, str] = {}
    for name in names:
        short = LETTERS.get(name, "")
        length = 1
        while not short:
            start = shown(name)[:length] or "?"
            taken = start in found.values() or start in LETTERS.values()
            short = start if not taken or length >= len(name) else ""
            length += 1
        found[name] = short
    return found


def in_order(names: Iterable[str]) -> list[str]:
    """Names of rankings: ours in the order of their computation, then the others."""
    given = list(names)
    return [*(name for name in RANKINGS if name in given), *(n for n in given if n not in RANKINGS)]


def rank_part(rank: int | None, *, at_least: bool = False) -> Part:
    """`#3`, `≥#401`, or `not ranked`."""
    if rank is None:
        return Part("not ranked", "warn")
    return Part(figures.rank(rank, at_least=at_least))


def short_rank(hit: Hit, name: str) -> str:
    """The hit's rank in the ranking `name`, without `#`: `3`, `≥401` or a dash."""
    rank = hit.ranks.get(name)
    if rank is None:
        return figures.NONE
    return f"{figures.AT_LEAST if name in hit.at_least else ''}{rank}"


def ranks_text(hit: Hit, letters: Mapping[str, str], without: str = "") -> str:
    """Ranks by letter, except in the ranking `without`: `k9 v≥401 f–`.

    A ranking that is not ours, and in which the hit has no rank, is left out.
    """
    return " ".join(
        f"{letter}{short_rank(hit, name)}"
        for name, letter in letters.items()
        if name != without and (name in hit.ranks or name in LETTERS)
    )


def movement_part(gained: int) -> Part:
    """Ranks gained or lost: `▲3`, `▼2` or `=`."""
    if gained == 0:
        return Part("=", "dim")
    return Part(f"▲{gained}", "good") if gained > 0 else Part(f"▼{-gained}", "bad")


def change_part(before: int | None, now: int | None) -> Part:
    """A rank that changed: `#9 → #4 ▲5`; empty if it did not, or if `before` is unknown."""
    if before is None or before == now:
        return Part("")
    text = f"{figures.rank(before)} → {figures.rank(now)}"
    if now is None:
        return Part(text, "bad")
    moved = movement_part(before - now)
    return Part(f"{text} {moved.text}", moved.style)
