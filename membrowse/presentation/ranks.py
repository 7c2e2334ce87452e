"""Ranks of a chunk in several rankings, and how they moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from membrowse.presentation import figures
from membrowse.presentation.lines import Part
from membrowse.text import shown
from membrowse.wire.search import FUSED, KEYWORD, RANKINGS, RERANKED, VECTOR

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


def rank_part(rank: int | None) -> Part:
    """`#3`, or `not ranked`."""
    return Part("not ranked", "warn") if rank is None else Part(figures.rank(rank))


def ranks_text(
    ranks: Mapping[str, int | None], letters: Mapping[str, str], without: str = ""
) -> str:
    """Ranks by letter, except in the ranking `without`: `k9 v2 f–`.

    A ranking that is not ours, and that `ranks` does not have, is left out.
    """
    return " ".join(
        f"{letter}{figures.NONE if (rank := ranks.get(name)) is None else rank}"
        for name, letter in letters.items()
        if name != without and (name in ranks or name in LETTERS)
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
