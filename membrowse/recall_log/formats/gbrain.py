"""gbrain: the NDJSON of `gbrain eval export`, a row per query with the slugs of the pages found."""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.recall_log.formats.values import (
    HITS,
    BadRecord,
    Record,
    count,
    hit,
    number,
    recall,
    text,
)
from membrowse.wire.recalls import Recall, RecallHit

_SCHEMA = 1


class Gbrain:
    """Reads gbrain's log of queries.

    Slugs are those of the pages, without scores; `id` counts the rows of one database, so that a
    recall is identified by its time, query and pages.
    """

    name = "gbrain"

    def __init__(self, agent: str) -> None:
        self._agent = agent or self.name

    @staticmethod
    def matches(record: Record) -> bool:
        return {"query", "retrieved_slugs"} <= record.keys()

    def recalls(self, record: Record) -> Iterator[Recall]:
        schema = record.get("schema_version", _SCHEMA)
        if schema != _SCHEMA:
            raise BadRecord(f"gbrain's schema {text(repr(schema), 20)} is not known")
        job = count(record.get("job_id"))
        yield recall(
            self.name,
            self._agent,
            record.get("created_at"),
            record.get("query"),
            _hits(record),
            session=f"job {job}" if job is not None else "",
            took_ms=number(record.get("latency_ms")),
        )


def _hits(record: Record) -> Iterator[RecallHit]:
    slugs = record.get("retrieved_slugs")
    if isinstance(slugs, list):
        yield from (hit(slug) for slug in slugs[:HITS])
