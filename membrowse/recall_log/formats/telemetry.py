"""OpenTelemetry spans as JSON: GenAI retrievals and memory searches, OpenInference retrievers.

A line (or a whole file) is an OTLP export (`resourceSpans`), as the collector's file exporter
writes it, or one span with `attributes`, as SDKs print it. A GenAI span has
`gen_ai.retrieval.query.text` and `gen_ai.retrieval.documents`, or `gen_ai.memory.query.text` and
`gen_ai.memory.records`; an OpenInference span has `input.value` and
`retrieval.documents.{i}.document.{id,content,score,metadata}`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from membrowse.recall_log.formats.values import (
    HITS,
    Record,
    count,
    first_text,
    from_json,
    hit,
    number,
    recall,
    records,
    table,
    text,
)
from membrowse.wire.recalls import QUERY_CHARACTERS, Recall, RecallHit

_QUERIES = ("gen_ai.retrieval.query.text", "gen_ai.memory.query.text", "retrieval.query")
_DOCUMENTS = ("gen_ai.retrieval.documents", "gen_ai.memory.records")
_RECORD_COUNT = "gen_ai.memory.record.count"
_TOP_K = ("gen_ai.request.top_k", "gen_ai.retrieval.top_k", "retrieval.top_k")
_GENAI_DOCUMENT = re.compile(r"gen_ai\.(?:retrieval\.documents|memory\.records)\.(\d{1,6})\.(.+)")
_NUMBERED = re.compile(r"retrieval\.documents\.(\d{1,6})\.(?:document\.)?(.+)")
_QUESTIONS = ("query", "query_str", "question", "input", "text")
_PATHS = ("path", "file_path", "source", "filename", "file", "url")
_SCORES = ("score", "relevance_score", "similarity")
_LINE_ANCHOR = re.compile(
    r"(?P<path>.+\.(?:md|markdown|txt))#L?(?P<first>\d{1,8})(?:-L?(?P<last>\d{1,8}))?"
)
"""A document's id with its line: `notes.md#12`, `notes.md#L3-L9`."""
_ENCODED_ID = re.compile(r"[A-Za-z0-9+/]{11}=")
"""A span's id as protobuf's own JSON writes it, in base64."""
_UNNAMED = "unknown_service"
_DEPTH = 6
_ANCESTORS = 50


@dataclass(frozen=True, slots=True)
class _Span:
    span: Record
    attributes: Record
    resource: Record

    @property
    def id(self) -> str:
        """In hexadecimal, however it is written."""
        context = table(self.span.get("context"))
        found = first_text(self.span, "spanId", "span_id", "context.span_id")
        return _hexadecimal(found or first_text(context, "span_id", "spanId"))

    @property
    def parent(self) -> str:
        return _hexadecimal(first_text(self.span, "parentSpanId", "parent_id", "parent_span_id"))

    @property
    def is_retriever(self) -> bool:
        return self.attributes.get("openinference.span.kind") == "RETRIEVER"

    @property
    def query(self) -> str:
        """The question; empty if the span is none of a search."""
        found = first_text(self.attributes, *_QUERIES, limit=QUERY_CHARACTERS)
        if found or not self.is_retriever:
            return found
        given = self.attributes.get("input.value")
        decoded = from_json(given)
        if isinstance(decoded, str):
            return text(decoded, QUERY_CHARACTERS)
        inner = (each for each in table(decoded).values() if isinstance(each, Mapping))
        asked = (
            first_text(each, *_QUESTIONS, limit=QUERY_CHARACTERS)
            for each in (table(decoded), *inner)
        )
        return next(filter(None, asked), "") or text(given, QUERY_CHARACTERS)


class Telemetry:
    """Reads spans of retrievals.

    A retriever that another one of the same export calls is a part of that one's answer.
    """

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
        spans = [
            _Span(span, _flat(span.get("attributes")), resource)
            for span, resource in _spans(record)
        ]
        by_id = {span.id: span for span in spans}
        for span in spans:
            query = span.query
            if not query or _is_called_by_retriever(span, by_id):
                continue
            given = tuple(_hits(span.attributes))
            if given or not _has_hidden_answer(span):
                yield self._recall(span, query, given)

    def _recall(self, found: _Span, query: str, given: Sequence[RecallHit]) -> Recall:
        span, attributes = found.span, found.attributes
        name = first_text(attributes, "gen_ai.agent.name", "agent.name")
        service = first_text(found.resource, "service.name")
        service = "" if service.startswith(_UNNAMED) else service
        return recall(
            self.name,
            self._agent or name or service or self.name,
            _start(span),
            query,
            given,
            event=found.id,
            session=first_text(attributes, "session.id", "gen_ai.conversation.id"),
            k=next((k for key in _TOP_K if (k := count(attributes.get(key)))), None),
            took_ms=_took_ms(span),
        )


def _is_called_by_retriever(span: _Span, by_id: Mapping[str, _Span]) -> bool:
    if not span.is_retriever:
        return False
    above = by_id.get(span.parent)
    for _ in range(_ANCESTORS):
        if above is None or above.is_retriever:
            break
        above = by_id.get(above.parent)
    return above is not None and above.is_retriever


def _has_hidden_answer(span: _Span) -> bool:
    """Whether a span without documents had an answer, which it does not record: not an empty one.

    A method below the retriever's own (LlamaIndex' `_retrieve`) records its arguments as JSON.
    """
    if count(span.attributes.get(_RECORD_COUNT)):
        return True
    return span.is_retriever and span.attributes.get("input.mime_type") == "application/json"


def _hexadecimal(span_id: str) -> str:
    if _ENCODED_ID.fullmatch(span_id):
        try:
            return base64.b64decode(span_id, validate=True).hex()
        except binascii.Error:
            return span_id
    return span_id.removeprefix("0x").lower()


def _spans(record: Record) -> Iterator[tuple[Record, Record]]:
    """Every span, with the attributes of its resource."""
    if "resourceSpans" not in record:
        yield record, _flat(table(record.get("resource")).get("attributes"))
        return
    for each in _objects(record["resourceSpans"]):
        resource = _flat(table(each.get("resource")).get("attributes"))
        for scope in _objects(each.get("scopeSpans") or each.get("instrumentationLibrarySpans")):
            for span in _objects(scope.get("spans")):
                yield span, resource


def _objects(value: object) -> Iterator[Record]:
    """The objects of a list, however many."""
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, Mapping))


def _flat(attributes: object) -> dict[str, Any]:
    """Attributes by dotted name, however they are nested; OTLP's typed values unwrapped."""
    if isinstance(attributes, list):
        attributes = _pairs(attributes, _DEPTH)
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


def _pairs(listed: object, depth: int) -> dict[str, object]:
    """OTLP's list of `{"key": …, "value": …}`."""
    return {text(each.get("key")): _value(each.get("value"), depth) for each in _objects(listed)}


def _value(value: object, depth: int) -> object:
    """An OTLP value (`{"stringValue": …}`, `{"arrayValue": {"values": […]}}`) as it is meant."""
    if not isinstance(value, Mapping) or not depth:
        return value
    for kind in ("arrayValue", "kvlistValue"):
        if isinstance(value.get(kind), Mapping):
            inner = value[kind].get("values")
            if kind == "kvlistValue":
                return _pairs(inner, depth - 1)
            return [_value(each, depth - 1) for each in _objects(inner)]
    return next(iter(value.values()), None)


def _hits(attributes: Mapping[str, Any]) -> Iterator[RecallHit]:
    documents: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        if match := _GENAI_DOCUMENT.match(name) or _NUMBERED.match(name):
            documents.setdefault(int(match[1]), {})[match[2]] = value
    listed = [documents[place] for place in sorted(documents)[:HITS]]
    written = (from_json(attributes[key]) for key in _DOCUMENTS if key in attributes)
    for document in listed or records(next(written, None)):
        yield _hit(document)


def _hit(document: Record) -> RecallHit:
    metadata = table(from_json(document.get("metadata"))) or {
        key.removeprefix("metadata."): value
        for key, value in document.items()
        if key.startswith("metadata.")
    }
    path = first_text(metadata, *_PATHS, limit=4096) or first_text(document, *_PATHS, limit=4096)
    known = path or text(document.get("id"), 4096)
    lines = metadata if "start_line" in metadata else document
    first, last = lines.get("start_line"), lines.get("end_line")
    if anchored := _LINE_ANCHOR.fullmatch(known):
        known, first, last = anchored["path"], anchored["first"], anchored["last"] or first
    content = document.get("content") or document.get("text")
    scores = (each.get(key) for each in (document, metadata) for key in _SCORES)
    score = next((each for each in scores if number(each) is not None), None)
    return hit(known, first, last, score, content)


def _start(span: Record) -> object:
    return span.get("startTimeUnixNano") or span.get("start_time") or span.get("startTime")


def _took_ms(span: Record) -> float | None:
    start, end = number(span.get("startTimeUnixNano")), number(span.get("endTimeUnixNano"))
    if start is None or end is None:
        return _between(span.get("start_time"), span.get("end_time"))
    return (end - start) / 1e6 if 0 <= end - start < 1e14 else None


def _between(start: object, end: object) -> float | None:
    """Milliseconds between two written times, as far as they can be read."""
    try:
        began, ended = (datetime.fromisoformat(text(each)) for each in (start, end))
        return max(0.0, (ended - began).total_seconds() * 1000)
    except (ValueError, TypeError):
        return None
