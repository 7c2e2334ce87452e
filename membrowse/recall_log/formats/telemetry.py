"""OpenTelemetry spans as JSON: GenAI retrievals and OpenInference retrievers.

A line (or a whole file) is an OTLP export (`resourceSpans`) or one span with `attributes`. GenAI
has `gen_ai.retrieval.documents` and `gen_ai.memory.query.text`; OpenInference has `input.value`
and `retrieval.documents.{i}.document.{id,content,score,metadata}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

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
from membrowse.wire.recalls import QUERY_CHARACTERS, Recall, RecallHit

_QUERIES = ("gen_ai.retrieval.query.text", "gen_ai.memory.query.text", "retrieval.query")
_DOCUMENTS = "gen_ai.retrieval.documents"
_NUMBERED = re.compile(r"retrieval\.documents\.(\d{1,6})\.(?:document\.)?(.+)")
_PATHS = ("path", "file_path", "source", "filename", "file", "url")
_DEPTH = 6


class Telemetry:
    """Reads spans of retrievals."""

    name = "otel"

    def __init__(self, agent: str) -> None:
        self._agent = agent

    @staticmethod
    def matches(record: Record) -> bool:
        return "resourceSpans" in record or (
            isinstance(record.get("attributes"), Mapping | list)
            and bool(record.keys() & {"name", "context", "spanId", "span_id", "traceId"})
        )

    def recalls(self, record: Record) -> Iterator[Recall]:
        for span, resource in _spans(record):
            attributes = _flat(span.get("attributes"))
            query = first_text(attributes, *_QUERIES, limit=QUERY_CHARACTERS)
            if attributes.get("openinference.span.kind") == "RETRIEVER":
                query = query or text(attributes.get("input.value"), QUERY_CHARACTERS)
            if query:
                yield self._recall(span, attributes, resource, query)

    def _recall(self, span: Record, attributes: Record, resource: Record, query: str) -> Recall:
        context = table(span.get("context"))
        name = first_text(attributes, "gen_ai.agent.name", "agent.name")
        return recall(
            self.name,
            self._agent or name or first_text(resource, "service.name") or self.name,
            span.get("startTimeUnixNano") or span.get("start_time") or span.get("startTime"),
            query,
            _hits(attributes),
            event=first_text(span, "spanId", "span_id", "context.span_id")
            or first_text(context, "span_id", "spanId"),
            session=first_text(attributes, "session.id", "gen_ai.conversation.id"),
            k=count(attributes.get("gen_ai.request.top_k", attributes.get("retrieval.top_k"))),
            took_ms=_took_ms(span),
        )


def _spans(record: Record) -> Iterator[tuple[Record, Record]]:
    """Every span, with the attributes of its resource."""
    if "resourceSpans" not in record:
        yield record, _flat(table(record.get("resource")).get("attributes"))
        return
    for each in records(record["resourceSpans"]):
        resource = _flat(table(each.get("resource")).get("attributes"))
        for scope in records(each.get("scopeSpans") or each.get("instrumentationLibrarySpans")):
            spans = scope.get("spans")
            for span in spans if isinstance(spans, list) else ():
                if isinstance(span, Mapping):
                    yield span, resource


def _flat(attributes: object) -> dict[str, Any]:
    """Attributes by dotted name, however they are nested; OTLP's typed values unwrapped."""
    if isinstance(attributes, list):
        pairs = (each for each in attributes if isinstance(each, Mapping))
        attributes = {text(pair.get("key")): _value(pair.get("value")) for pair in pairs}
    return dict(_leaves(attributes, "", _DEPTH)) if isinstance(attributes, Mapping) else {}


def _leaves(node: object, prefix: str, depth: int) -> Iterator[tuple[str, Any]]:
    keyed: Mapping[Any, Any] = {}
    if isinstance(node, Mapping):
        keyed = node
    elif isinstance(node, list) and any(isinstance(each, Mapping) for each in node[:HITS]):
        keyed = dict(enumerate(node[:HITS]))
    if not keyed or not depth:
        yield prefix, node
        return
    for key, value in keyed.items():
        yield from _leaves(value, f"{prefix}.{key}" if prefix else str(key), depth - 1)


def _value(value: object) -> object:
    """An OTLP value (`{"stringValue": …}`, `{"arrayValue": {"values": […]}}`) as it is meant."""
    if not isinstance(value, Mapping):
        return value
    array = value.get("arrayValue")
    if isinstance(array, Mapping):
        values = array.get("values")
        return [_value(each) for each in values] if isinstance(values, list) else []
    return next(iter(value.values()), None)


def _hits(attributes: Mapping[str, Any]) -> Iterator[RecallHit]:
    documents: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        genai = name.removeprefix(f"{_DOCUMENTS}.") if name.startswith(f"{_DOCUMENTS}.") else ""
        index, _, field = genai.partition(".")
        if index.isdecimal() and field:
            documents.setdefault(int(index[:6]), {})[field] = value
        elif match := _NUMBERED.match(name):
            documents.setdefault(int(match[1]), {})[match[2]] = value
    listed = [documents[place] for place in sorted(documents)[:HITS]]
    for document in listed or records(_decoded(attributes.get(_DOCUMENTS))):
        yield _hit(document)


def _hit(document: Record) -> RecallHit:
    metadata = table(_decoded(document.get("metadata"))) or {
        key.removeprefix("metadata."): value
        for key, value in document.items()
        if key.startswith("metadata.")
    }
    path = first_text(metadata, *_PATHS, limit=4096) or first_text(document, *_PATHS, limit=4096)
    known = path or text(document.get("id"), 4096)
    lines = metadata if "start_line" in metadata else document
    content = document.get("content") or document.get("text")
    score = document.get("score")
    return hit(known, lines.get("start_line"), lines.get("end_line"), score, content)


def _decoded(value: object) -> object:
    """JSON in a string, decoded."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _took_ms(span: Record) -> float | None:
    start, end = number(span.get("startTimeUnixNano")), number(span.get("endTimeUnixNano"))
    if start is None or end is None or not 0 <= end - start < 1e14:
        return None
    return (end - start) / 1e6
