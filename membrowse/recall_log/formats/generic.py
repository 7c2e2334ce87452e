"""The generic format: one recall per line, as `membrowse log export` writes it.

`{"at", "agent", "query", "k", "min_score", "results": [{"path", "start_line", "end_line", "score",
"text"}]}`; only `at` and `query` are needed. `assets/docs/log.md` documents it.
"""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.recall_log.formats.values import (
    Record,
    count,
    first_text,
    hit,
    number,
    recall,
    records,
    text,
)
from membrowse.wire.recalls import Recall


class Generic:
    """Reads the generic format."""

    name = "generic"

    def __init__(self, agent: str) -> None:
        self._agent = agent or "agent"

    @staticmethod
    def matches(record: Record) -> bool:
        return {"at", "query"} <= record.keys() and "retrieved_slugs" not in record

    def recalls(self, record: Record) -> Iterator[Recall]:
        yield recall(
            self.name,
            text(record.get("agent")) or self._agent,
            record.get("at"),
            record.get("query"),
            (
                hit(
                    each.get("path"),
                    each.get("start_line"),
                    each.get("end_line"),
                    each.get("score"),
                    each.get("text"),
                )
                for each in records(record.get("results"))
            ),
            event=first_text(record, "id"),
            session=first_text(record, "session"),
            k=count(record.get("k")),
            min_score=number(record.get("min_score")),
            cut_by_score=count(record.get("cut_by_score")) or 0,
            cut_by_k=count(record.get("cut_by_k")) or 0,
            withheld=count(record.get("withheld")) or 0,
            took_ms=number(record.get("took_ms")),
        )
