"""A ranking as a whole: its state, its counts, and what to know before believing it."""

from __future__ import annotations

from rich.cells import cell_len

from membrowse.presentation import figures
from membrowse.presentation.lines import Part
from membrowse.presentation.query import DOUBTFUL
from membrowse.text import shown
from membrowse.wire.search import VECTOR, Approximate, MatchStrength, Query, RankingState

WEAK = "weak match in words and meaning"
"""What the best hits have in common if `MatchStrength.weak`, whatever their scores."""
_WEAK = (WEAK, "weak match", "weak")
_STYLES = {RankingState.READY: "dim", RankingState.FAILED: "bad"}


def state_part(state: RankingState) -> Part:
    """The state in one word."""
    return Part(state.value, _STYLES.get(state, "warn"))


def weak_part(strength: MatchStrength | None, width: int) -> Part:
    """That the best hits match weakly, in at most `width` cells; empty if they do not."""
    if strength is None or not strength.weak:
        return Part("")
    return Part(next((text for text in _WEAK if cell_len(text) <= width), ""), "warn")


def ranking_counts(
    total: int, pool: int | None, cached: int | None, took_ms: float, *, exact: bool = True
) -> str:
    """`57 · 3 ms`, `pool 50 · 9 ms`, or `31/50 cached` while token vectors are missing.

    `≥400` if more may have a rank.
    """
    if pool is None:
        count = f"{'' if exact else figures.AT_LEAST}{figures.number(total)}"
    elif cached is not None and cached < pool:
        count = f"{cached}/{pool} cached"
    else:
        count = f"pool {pool}"
    return f"{count} · {figures.milliseconds(took_ms)}" if took_ms else count


def ranking_notice(
    name: str, message: str, approximate: Approximate | None, query: Query | None
) -> str:
    """Why the ranking `name` deserves doubt; empty if it does not."""
    notes = [shown(message)] if message else []
    if name == VECTOR and query is not None and query.unknown >= DOUBTFUL:
        share = figures.percent(query.unknown)
        if share not in message:
            notes.append(f"{share} of the query unknown to the encoder")
    if approximate is not None and approximate.missed:
        notes.append(f"HNSW missed {len(approximate.missed)} of the top {approximate.asked}")
    return "; ".join(notes)
