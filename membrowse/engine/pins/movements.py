"""What a run of the pins moved, in lines."""

from __future__ import annotations

import math
from collections.abc import Iterable

from membrowse.wire.pins import PinResult

_LINES = 20
_QUERY_CHARACTERS = 40
_NOWHERE = 1_000_000


def moved(results: Iterable[PinResult]) -> tuple[str, ...]:
    """`ssh port: decisions/ssh.md #9 → #4`, for each pin that moved since the run before.

    What broke comes first, then what was mended, then the longest ways.
    """
    telling = sorted((_weight(each), _line(each)) for each in results if _has_moved(each))
    return tuple(line for _, line in telling[:_LINES])


def _has_moved(result: PinResult) -> bool:
    return len(result.history) > 1 and result.history[-1] != result.history[-2]


def _weight(result: PinResult) -> tuple[int, float]:
    before, now = result.history[-2:]
    held = before is not None and before <= result.pin.k
    kind = 2 if held == result.passes else (0 if held else 1)
    return kind, -abs(math.log((now or _NOWHERE) / (before or _NOWHERE)))


def _line(result: PinResult) -> str:
    before, now = (f"#{rank}" if rank else "–" for rank in result.history[-2:])
    query = " ".join(result.pin.query.split())
    if len(query) > _QUERY_CHARACTERS:
        query = f"{query[: _QUERY_CHARACTERS - 1].rstrip()}…"
    return f"{query}: {result.pin.path} {before} → {now}"
