"""Recalls in the generic format, whole or without a word of queries and notes."""

from __future__ import annotations

from typing import Any

from membrowse.wire.recalls import Recall, RecallHit


class RecallExport:
    """Writes recalls as records of the generic format.

    With `redact`, queries, sessions and paths become numbers that are the same throughout one
    export.
    """

    def __init__(self, *, redact: bool) -> None:
        self._redact = redact
        self._numbers: dict[tuple[str, str], str] = {}

    def record(self, recall: Recall) -> dict[str, Any]:
        """One line of the export; keys without a value are left out."""
        record = {
            "id": recall.id,
            "at": recall.at,
            "agent": recall.agent,
            "session": self._hidden("session", recall.session),
            "query": self._hidden("query", recall.query),
            "filters": [self._hidden("filter", each) for each in recall.filters],
            "k": recall.k,
            "min_score": recall.min_score,
            "outcome": recall.outcome.value,
            "cut_by_score": recall.cut_by_score or None,
            "cut_by_k": recall.cut_by_k or None,
            "withheld": recall.withheld or None,
            "took_ms": recall.took_ms,
            "source": recall.source,
        }
        used = {key: value for key, value in record.items() if value not in (None, "", [])}
        return used | {"results": [self._result(hit) for hit in recall.given]}

    def _result(self, hit: RecallHit) -> dict[str, Any]:
        lines = {"start_line": hit.start_line, "end_line": hit.end_line} if hit.start_line else {}
        return {"path": self._hidden("note", hit.path), **lines, "score": hit.score}

    def _hidden(self, kind: str, text: str) -> str:
        if not self._redact or not text:
            return text
        count = sum(known == kind for known, _ in self._numbers)
        return self._numbers.setdefault((kind, text), f"{kind} {count + 1}")
