"""Recalls in the generic format, whole or without a word of queries and notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from membrowse.recall_log.formats.generic import OWN_SOURCE
from membrowse.wire.recalls import Recall, RecallHit
from membrowse.wire.search import NO_FILTERS


class RecallExport:
    """Writes recalls as records of the generic format.

    With `redact`, queries, sessions and paths become numbers that are the same throughout one
    export; ids of chunks, which are hashes of their text, and the filters of the request are left
    out.
    """

    def __init__(self, *, redact: bool) -> None:
        self._redact = redact
        self._numbers: dict[tuple[str, str], str] = {}

    def record(self, recall: Recall) -> dict[str, Any]:
        """One line of the export; keys with their default value are left out."""
        plain = msgspec.structs.replace(
            recall,
            session=self._hidden("session", recall.session),
            query=self._hidden("query", recall.query),
            filters=tuple(self._hidden("filter", each) for each in recall.filters),
            narrowed_to=NO_FILTERS if self._redact else recall.narrowed_to,
            given=(),
            rankings={},
            source=recall.source or OWN_SOURCE,
        )
        record: dict[str, Any] = msgspec.to_builtins(plain)
        record["outcome"] = recall.outcome.value
        record["results"] = self._hits(recall.given)
        if recall.rankings:
            ranked = recall.rankings.items()
            record["rankings"] = {name: self._hits(hits) for name, hits in ranked}
        return record

    def _hits(self, hits: Sequence[RecallHit]) -> list[dict[str, Any]]:
        return [msgspec.to_builtins(self._hit(hit)) for hit in hits]

    def _hit(self, hit: RecallHit) -> RecallHit:
        if not self._redact:
            return hit
        return msgspec.structs.replace(hit, path=self._hidden("note", hit.path), chunk="")

    def _hidden(self, kind: str, text: str) -> str:
        if not self._redact or not text:
            return text
        count = sum(known == kind for known, _ in self._numbers)
        return self._numbers.setdefault((kind, text), f"{kind} {count + 1}")
