"""OpenClaw: `memory/.dreams/events.jsonl`, and the export `memory-host-events.jsonl`.

`{"type": "memory.recall.recorded", "timestamp", "query", "resultCount", "results": [{"path",
"startLine", "endLine", "score"}]}`, among events of other types.
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
from membrowse.wire.recalls import Recall

_RECALL = "memory.recall.recorded"


class OpenClaw:
    """Reads OpenClaw's memory events."""

    name = "openclaw"

    def __init__(self, agent: str) -> None:
        self._agent = agent

    @staticmethod
    def matches(record: Record) -> bool:
        event = table(record.get("event")) or record
        return text(event.get("type")).startswith("memory.")

    def recalls(self, record: Record) -> Iterator[Recall]:
        event = table(record.get("event")) or record
        if event.get("type") != _RECALL:
            return
        yield recall(
            self.name,
            self._agent or first_text(event, "agentId", "agent") or self.name,
            event.get("timestamp", record.get("timestamp")),
            event.get("query"),
            (
                hit(each.get("path"), each.get("startLine"), each.get("endLine"), each.get("score"))
                for each in records(event.get("results"))
            ),
            session=first_text(event, "sessionId", "sessionKey"),
        )
