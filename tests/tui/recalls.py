"""Recalls for the stand-in engine: what an agent asked of the small memory, and what it got."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from membrowse.wire.recalls import Recall, RecallHit
from tests.standin.engine import StandIn
from tests.tui.stage import QUERY

START = datetime(2026, 7, 20, 11, 2, tzinfo=UTC)
QUESTIONS = (
    QUERY,
    "is there a jump host?",
    "how long does a restore take?",
    "who is on call this week, and how are they reached when the pager is down?",
    "端口 of the staging bastion",
)


def hit(path: str, line: int, score: float | None = 0.5, **fields: Any) -> RecallHit:
    """A hit of a foreign log; its chunk is found by its lines when it is added."""
    return RecallHit(path=path, start_line=line, end_line=line + 1, score=score, **fields)


SSH = (
    hit("logs/2025-11-08.md", 5, 0.52),
    hit("decisions/ssh.md", 3, 0.41),
    hit("tools/gone.md", 12, 0.38),
)
"""Two notes of the memory, and one that it does not have."""


def recall(number: int, **fields: Any) -> Recall:
    """A recall from a foreign log; the larger its number, the older it is."""
    at = START - timedelta(hours=7 * number, minutes=number * number % 60)
    known: dict[str, Any] = {
        "id": f"recall-{number:03}",
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "agent": ("openclaw", "openclaw", "clara")[number % 3],
        "query": QUESTIONS[number % len(QUESTIONS)],
        "given": (SSH[:0], SSH[:1], SSH)[(number + 2) % 3],
        "k": 6,
        "min_score": 0.35,
        "cut_by_score": number % 4,
        "source": "openclaw",
    }
    return Recall(**known | fields)


def add(engine: StandIn, *recalls: Recall) -> None:
    """Add recalls to the engine's log, as an import does."""
    from membrowse.engine.handlers.recalls import add as import_recalls
    from membrowse.wire.recalls import ImportRecallsRequest

    import_recalls(engine.components, ImportRecallsRequest(recalls=recalls), lambda: None)


def with_recalls(engine: StandIn, count: int = 40) -> Sequence[Recall]:
    """Give the engine a log of `count` recalls, newest first."""
    recalls = [recall(number) for number in range(count)]
    add(engine, *recalls)
    return recalls
