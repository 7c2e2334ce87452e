"""gbrain: NDJSON with `query, retrieved_slugs, retrieved_chunk_ids, latency_ms, created_at`."""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.recall_log.formats.values import HITS, Record, first_text, hit, number, recall
from membrowse.wire.recalls import Recall, RecallHit


class Gbrain:
    """Reads gbrain's log of queries."""

    name = "gbrain"

    def __init__(self, agent: str) -> None:
        self._agent = agent or self.name

    @staticmethod
    def matches(record: Record) -> bool:
        return {"query", "retrieved_slugs"} <= record.keys()

    def recalls(self, record: Record) -> Iterator[Recall]:
        yield recall(
            self.name,
            self._agent,
            record.get("created_at"),
            record.get("query"),
            _hits(record),
            event=first_text(record, "id"),
            session=first_text(record, "session_id"),
            took_ms=number(record.get("latency_ms")),
        )


def _hits(record: Record) -> Iterator[RecallHit]:
    slugs, scores = record.get("retrieved_slugs"), record.get("scores")
    if isinstance(slugs, list):
        known = scores if isinstance(scores, list) and len(scores) == len(slugs) else []
        for place, slug in enumerate(slugs[:HITS]):
            yield hit(slug, score=known[place] if known else None)
