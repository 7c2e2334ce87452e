"""The generic format: one recall per line, as `membrowse log export` writes it.

`{"at", "agent", "query", "k", "min_score", "results": [{"path", "start_line", "end_line", "score",
"text"}]}`; only `at` and `query` are needed. `assets/docs/log.md` documents it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from membrowse.recall_log.formats.values import (
    HITS,
    Record,
    count,
    first_text,
    hit,
    number,
    recall,
    records,
    table,
    text,
)
from membrowse.wire.recalls import HITS_KEPT, Recall, RecallHit
from membrowse.wire.search import Filters

OWN_SOURCE = "membrowse"
"""The source of a recall that membrowse answered, in an export."""
_RANKINGS = 20
_FILTER_CHARACTERS = 4096


class Generic:
    """Reads the generic format."""

    name = "generic"

    def __init__(self, agent: str) -> None:
        self._agent = agent

    @staticmethod
    def matches(record: Record) -> bool:
        return {"at", "query"} <= record.keys() and "retrieved_slugs" not in record

    def recalls(self, record: Record) -> Iterator[Recall]:
        found = recall(
            self.name,
            self._agent or text(record.get("agent")) or "agent",
            record.get("at"),
            record.get("query"),
            map(_hit, records(record.get("results"))),
            event=first_text(record, "id"),
            exported_id=first_text(record, "id"),
            session=first_text(record, "session"),
            filters=tuple(_texts(record.get("filters"))),
            k=count(record.get("k")),
            min_score=number(record.get("min_score")),
            cut_by_score=count(record.get("cut_by_score")) or 0,
            cut_by_k=count(record.get("cut_by_k")) or 0,
            withheld=count(record.get("withheld")) or 0,
            took_ms=number(record.get("took_ms")),
        )
        source = text(record.get("source")) or self.name
        if source != OWN_SOURCE:
            yield msgspec.structs.replace(found, source=source)
        else:
            yield _answered_here(found, record)


def _answered_here(found: Recall, record: Record) -> Recall:
    """A recall that membrowse answered, with what only such a one has."""
    narrowed_to = table(record.get("narrowed_to"))
    return msgspec.structs.replace(
        found,
        source="",
        syntax=text(record.get("syntax")) or "literal",
        narrowed_to=Filters(
            **{
                name: text(narrowed_to.get(name), _FILTER_CHARACTERS)
                for name in Filters.__struct_fields__
            }
        ),
        rankings=dict(_rankings(record.get("rankings"))),
        generation=count(record.get("generation")) or 0,
        settings_digest=text(record.get("settings_digest")),
        withholds_weak=record.get("withholds_weak") is True,
    )


def _rankings(value: object) -> Iterator[tuple[str, tuple[RecallHit, ...]]]:
    for name, hits in list(table(value).items())[:_RANKINGS]:
        yield text(name), tuple(map(_hit, list(records(hits))[:HITS_KEPT]))


def _hit(each: Mapping[str, object]) -> RecallHit:
    found = hit(
        each.get("path"),
        each.get("start_line"),
        each.get("end_line"),
        each.get("score"),
        each.get("text"),
    )
    return msgspec.structs.replace(found, chunk=text(each.get("chunk")))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, list):
        yield from (text(each, _FILTER_CHARACTERS) for each in value[:HITS])
