"""OpenClaw: `memory/.dreams/events.jsonl`, and the export `memory-host-events.jsonl`.

`{"type": "memory.recall.recorded", "timestamp", "query", "resultCount", "results": [{"path",
"startLine", "endLine", "score"}]}`, among events of other types. Its results are only those that
OpenClaw counts for promotion; the agent's other hits, such as those in `MEMORY.md`, follow in an
event `memory.recall.skipped` with the same time and query, or stand there alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.recall_log.formats.values import (
    Record,
    first_text,
    hit,
    recall,
    records,
    table,
    text,
)
from membrowse.wire.recalls import Recall, RecallHit

_RECORDED, _SKIPPED = "memory.recall.recorded", "memory.recall.skipped"


class OpenClaw:
    """Reads OpenClaw's memory events.

    A skipped event makes a fuller recall with the id of the recorded one.
    """

    name = "openclaw"

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._last: Recall | None = None

    @staticmethod
    def matches(record: Record) -> bool:
        event = table(record.get("event")) or record
        return text(event.get("type")).startswith("memory.")

    def recalls(self, record: Record) -> Iterator[Recall]:
        event = table(record.get("event")) or record
        kind = event.get("type")
        if kind not in (_RECORDED, _SKIPPED):
            return
        hits = [
            hit(each.get("path"), each.get("startLine"), each.get("endLine"), each.get("score"))
            for each in records(event.get("results"))
        ]
        found = self._recall(event, record, hits)
        if kind == _SKIPPED and self._last is not None and self._last.id == found.id:
            found = self._recall(event, record, sorted([*self._last.given, *hits], key=_by_score))
        self._last = found
        yield found

    def _recall(self, event: Record, record: Record, hits: list[RecallHit]) -> Recall:
        at, query = event.get("timestamp", record.get("timestamp")), event.get("query")
        return recall(
            self.name,
            self._agent or first_text(event, "agentId", "agent") or self.name,
            at,
            query,
            hits,
            event=f"{at}\0{query}",
            session=first_text(event, "sessionId", "sessionKey"),
        )


def _by_score(found: RecallHit) -> float:
    return -(found.score or 0.0)
