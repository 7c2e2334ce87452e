"""Foreign logs: what their own programs write becomes recalls, and nothing makes a reader fail."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membrowse.recall_log.export import RecallExport
from membrowse.recall_log.foreign_log import FORMATS, LINE_BYTES, BadLine, ForeignLog
from membrowse.recall_log.formats.values import BadRecord, moment, places_in
from membrowse.recall_log.log_lines import LogLines
from membrowse.wire.recalls import Recall, RecallHit
from membrowse.wire.search import Filters

FOLDER = "/home/ada/memory"
AT = "2026-03-02T10:00:00Z"
OPENCLAW = {
    "type": "memory.recall.recorded",
    "timestamp": "2026-03-02T12:00:00.250+02:00",
    "query": "staging port",
    "resultCount": 2,
    "results": [
        {"path": "memory/2026-03-01.md", "startLine": 4, "endLine": 9, "score": 0.52},
        {"path": "MEMORY.md", "startLine": 1, "endLine": 2, "score": 0.36},
    ],
}
GBRAIN = {
    "schema_version": 1,
    "id": 42,
    "tool_name": "query",
    "query": "who is jane",
    "retrieved_slugs": ["people/jane", "people/joe"],
    "retrieved_chunk_ids": [4, 9, 4],
    "source_ids": ["default"],
    "expand_enabled": False,
    "detail": None,
    "detail_resolved": "medium",
    "vector_enabled": True,
    "expansion_applied": False,
    "latency_ms": 41,
    "remote": True,
    "job_id": 7,
    "subagent_id": None,
    "embedding_column": None,
    "created_at": "2026-03-02T10:00:00.000Z",
}
"""As `gbrain eval export` writes it."""
SPAN = {
    "traceId": "t1",
    "spanId": "s1",
    "name": "retrieve",
    "startTimeUnixNano": "1772445600000000000",
    "endTimeUnixNano": "1772445600012000000",
}


def read(*records: object) -> tuple[ForeignLog, list[Recall]]:
    log = ForeignLog(folders=(FOLDER,))
    lines = (each if isinstance(each, bytes) else json.dumps(each).encode() for each in records)
    found = [each for line in lines for each in log.feed(line)]
    return log, [each for each in found if isinstance(each, Recall)]


def one(*records: object) -> Recall:
    _, (recall,) = read(*records)
    return recall


def places(recall: Recall) -> list[tuple[str, int, int]]:
    return [(hit.path, hit.start_line, hit.end_line) for hit in recall.given]


def test_openclaw() -> None:
    dream = {"type": "memory.dream.completed", "timestamp": AT}
    own = OPENCLAW | {"query": "__dreaming_consolidate__"}
    log, (recall,) = read(dream, own, OPENCLAW)
    assert (log.format, log.own, log.bad) == ("openclaw", 1, 0)
    assert (recall.at, recall.query) == ("2026-03-02T10:00:00.250Z", "staging port")
    assert places(recall) == [("memory/2026-03-01.md", 4, 9), ("MEMORY.md", 1, 2)]
    assert [hit.score for hit in recall.given] == [0.52, 0.36]
    exported = {"event": OPENCLAW | {"agentId": "main"}, "host": "h"}
    assert one(exported).agent == "main"
    assert one(exported).id == recall.id, "the same event in either file is one recall"


def test_openclaw_hits_that_it_skips_for_promotion_were_given_too() -> None:
    skipped = {
        "type": "memory.recall.skipped",
        "timestamp": OPENCLAW["timestamp"],
        "query": OPENCLAW["query"],
        "eligibleResultCount": 2,
        "skippedResultCount": 1,
        "results": [{"path": "MEMORY.md", "startLine": 3, "endLine": 3, "score": 0.45}],
    }
    other = skipped | {"query": "another", "eligibleResultCount": 0}
    _, recalls = read(OPENCLAW, skipped, other)
    assert [[hit.score for hit in each.given] for each in recalls] == [
        [0.52, 0.36],
        [0.52, 0.45, 0.36],
        [0.45],
    ]
    assert recalls[0].id == recalls[1].id != recalls[2].id, "the fuller one replaces the other"


def test_gbrain() -> None:
    recall = one(GBRAIN)
    assert [hit.path for hit in recall.given] == ["people/jane", "people/joe"]
    assert (recall.took_ms, recall.at) == (41, "2026-03-02T10:00:00.000Z")
    assert recall.session == "job 7"
    log, recalls = read(GBRAIN, GBRAIN | {"schema_version": 2})
    assert (len(recalls), log.bad) == (1, 1), "a later schema is not guessed at"


def test_generic_and_what_we_export() -> None:
    record = {
        "at": AT,
        "agent": "clara",
        "query": "port",
        "k": 6,
        "min_score": 0.35,
        "results": [{"path": "a.md", "start_line": 3, "end_line": 5, "score": 0.4, "text": "x"}],
    }
    recall = one(record)
    assert (recall.agent, recall.k, recall.min_score) == ("clara", 6, 0.35)
    assert recall.given[0].text == "x"
    exported = one(RecallExport(redact=False).record(recall))
    assert exported.id == recall.id and places(exported) == places(recall)


TEXTS = st.text(max_size=30)
SCORES = st.none() | st.floats(allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 10**6)
HITS = st.builds(
    RecallHit,
    path=TEXTS,
    start_line=st.integers(1, 50),
    end_line=st.integers(50, 99),
    score=SCORES,
    chunk=TEXTS,
)
RECALLS = st.builds(
    Recall,
    id=st.from_regex("[0-9a-f]{16}", fullmatch=True),
    at=st.just("2026-03-02T10:00:00.250Z"),
    agent=st.text(min_size=1, max_size=30),
    session=TEXTS,
    query=TEXTS,
    syntax=st.sampled_from(["literal", "query"]),
    filters=st.lists(TEXTS, max_size=3).map(tuple),
    narrowed_to=st.builds(Filters, root=TEXTS, path=TEXTS, tag=TEXTS, after=TEXTS, before=TEXTS),
    k=st.none() | COUNTS,
    min_score=SCORES,
    given=st.lists(HITS, max_size=3).map(tuple),
    rankings=st.dictionaries(TEXTS, st.lists(HITS, max_size=3).map(tuple), max_size=3),
    generation=COUNTS,
    settings_digest=TEXTS,
    took_ms=st.none() | st.floats(0, 1e6),
    cut_by_score=COUNTS,
    cut_by_k=COUNTS,
    withholds_weak=st.booleans(),
    withheld=COUNTS,
)
BY_ITSELF = {"syntax": "literal", "narrowed_to": Filters(), "rankings": {}, "generation": 0}
BY_ITSELF |= {"settings_digest": "", "withholds_weak": False}


@settings(max_examples=100)
@given(recall=RECALLS, source=st.sampled_from(["", *FORMATS]))
def test_an_export_loses_nothing_of_a_recall(recall: Recall, source: str) -> None:
    """What only a recall that membrowse answered has is not in one of a foreign log."""
    wanted = msgspec.structs.replace(recall, source=source, **(BY_ITSELF if source else {}))
    exported = json.dumps(RecallExport(redact=False).record(wanted)).encode()
    _, recalls = read(exported)
    assert recalls == [wanted]


def test_a_redacted_export_has_no_word_of_query_or_note() -> None:
    _, recalls = read(OPENCLAW, OPENCLAW | {"timestamp": AT, "sessionId": "secret"})
    exporting = RecallExport(redact=True)
    lines = [json.dumps(exporting.record(recall)) for recall in recalls]
    assert not any(word in line for line in lines for word in ("staging", "MEMORY", "secret"))
    assert all('"query": "query 1"' in line and "note 2" in line for line in lines)


def test_claude_code_searches_and_reads_of_the_memory() -> None:
    def used(event: str, name: str, **given: object) -> dict[str, Any]:
        content = [{"type": "tool_use", "id": event, "name": name, "input": given}]
        return turn("assistant", content)

    def turn(kind: str, content: list[Any]) -> dict[str, Any]:
        return {
            "type": kind,
            "sessionId": "s1",
            "timestamp": AT,
            "cwd": "/home/ada",
            "uuid": "u",
            "message": {"content": content},
        }

    def result(event: str, content: object) -> dict[str, Any]:
        part = {"type": "tool_result", "tool_use_id": event, "content": content}
        return turn("user", [part])

    mcp = json.dumps({"results": [{"path": "ports.md", "start_line": 2, "score": 0.7}]})
    log, recalls = read(
        used("1", "Grep", pattern="port", path="memory", output_mode="content"),
        used("2", "Grep", pattern="port", path="/srv/code"),
        used("3", "Read", file_path=f"{FOLDER}/ports.md", offset=5, limit=10),
        used("4", "Bash", command="cd /home/ada && rg -n -i 'ssh port' memory | head -5"),
        used("5", "mcp__memory__search", query="which port", limit=3),
        used("6", "Edit", file_path=f"{FOLDER}/ports.md"),
        result("1", f"{FOLDER}/ports.md:3:ssh port 2222\nmemory/web.md-9-port 443"),
        result("2", "main.py:3: port"),
        result("3", "     5→text"),
        result("4", [{"type": "text", "text": "memory/ports.md:3:ssh port"}]),
        result("5", [{"type": "text", "text": mcp}]),
        result("6", "ok"),
    )
    assert log.format == "claude-code"
    assert [(each.query, places(each), each.k) for each in recalls] == [
        ("port", [(f"{FOLDER}/ports.md", 3, 3), (f"{FOLDER}/web.md", 9, 9)], None),
        (f"{FOLDER}/ports.md", [(f"{FOLDER}/ports.md", 5, 14)], None),
        ("ssh port", [(f"{FOLDER}/ports.md", 3, 3)], None),
        ("which port", [("ports.md", 2, 2)], 3),
    ]
    assert {each.session for each in recalls} == {"s1"}


def test_codex_searches_and_reads_of_the_memory() -> None:
    def item(**payload: object) -> dict[str, Any]:
        return {"timestamp": AT, "type": "response_item", "payload": payload}

    def call(event: str, name: str, **given: object) -> dict[str, Any]:
        arguments = json.dumps(given)
        return item(type="function_call", name=name, call_id=event, arguments=arguments)

    def output(event: str, text: str) -> dict[str, Any]:
        wrapped = json.dumps({"output": text, "metadata": {"exit_code": 0}})
        return item(type="function_call_output", call_id=event, output=wrapped)

    meta = {
        "timestamp": AT,
        "type": "session_meta",
        "payload": {"id": "c1", "cwd": "/home/ada"},
    }
    log, recalls = read(
        meta,
        call("1", "shell", command=["bash", "-lc", "rg -n port memory/"]),
        output("1", "memory/ports.md:3:port"),
        call("2", "exec_command", cmd="cat web.md", workdir=FOLDER),
        output("2", "# Web"),
        call("3", "shell", command=["ls", "-la"]),
        output("3", "memory"),
    )
    assert log.format == "codex"
    assert [(each.query, places(each), each.session) for each in recalls] == [
        ("port", [(f"{FOLDER}/ports.md", 3, 3)], "c1"),
        ("web.md", [(f"{FOLDER}/web.md", 0, 0)], "c1"),
    ]


def test_codex_names_the_server_beside_the_tool_and_heads_its_output() -> None:
    """As Codex 0.171 writes it."""

    def item(**payload: object) -> dict[str, Any]:
        return {"timestamp": AT, "type": "response_item", "payload": payload}

    def asked(event: str, query: str, namespace: str) -> dict[str, Any]:
        arguments = json.dumps({"query": query, "k": 3})
        known = {"name": "search", "namespace": namespace, "arguments": arguments}
        return item(type="function_call", call_id=event, **known)

    def output(event: str, text: str) -> dict[str, Any]:
        return item(type="function_call_output", call_id=event, output=text)

    hits = json.dumps({"hits": [{"path": "ports.md", "start_line": 3, "end_line": 4}]})
    head = "Chunk ID: 92b0d4\nWall time: 0.0 seconds\nProcess exited with code 0\nOutput:\n"
    command = json.dumps({"cmd": f"rg -n port {FOLDER}"})
    log, recalls = read(
        {"timestamp": AT, "type": "session_meta", "payload": {"id": "c1", "cwd": "/home/ada"}},
        asked("1", "ssh port", "mcp__memory"),
        output("1", f"Wall time: 0.2330 seconds\nOutput:\n{hits}"),
        asked("2", "lost", "mcp__memory__"),
        output("2", "unsupported call: mcp__memory__search"),
        item(type="function_call", call_id="3", name="exec_command", arguments=command),
        output("3", f"{head}{FOLDER}/ports.md:3:port"),
    )
    assert [(each.query, places(each), each.k) for each in recalls] == [
        ("ssh port", [("ports.md", 3, 4)], 3),
        ("port", [(f"{FOLDER}/ports.md", 3, 3)], None),
    ]


def test_genai_spans_in_an_otlp_export() -> None:
    documents = [{"id": "ports.md", "score": 0.8, "content": "ssh on 2222"}]
    attributes = [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "retrieval"}},
        {"key": "gen_ai.retrieval.query.text", "value": {"stringValue": "ssh port"}},
        {"key": "gen_ai.retrieval.documents", "value": {"stringValue": json.dumps(documents)}},
        {"key": "gen_ai.request.top_k", "value": {"intValue": "4"}},
    ]
    service = [{"key": "service.name", "value": {"stringValue": "ops"}}]
    other = SPAN | {"spanId": "s2", "attributes": []}
    spans = [SPAN | {"attributes": attributes}, other]
    export = {
        "resourceSpans": [{"resource": {"attributes": service}, "scopeSpans": [{"spans": spans}]}]
    }
    recall = one(export)
    assert (recall.agent, recall.query, recall.k, recall.took_ms) == ("ops", "ssh port", 4, 12.0)
    assert recall.at == "2026-03-02T10:00:00.000Z"
    assert (recall.given[0].path, recall.given[0].text) == ("ports.md", "ssh on 2222")


def test_what_instrumented_programs_write_as_otlp_json() -> None:
    """`otlp.jsonl`: LangChain and LlamaIndex by OpenInference, then GenAI retrieval and memory.

    LlamaIndex' inner method, a memory search whose answer was not captured, and what writes are no
    recalls.
    """
    log, recalls = read(*(Path(__file__).parent / "otlp.jsonl").read_bytes().splitlines())
    assert (log.format, log.bad) == ("otel", 0)
    staging, refunds = "which port does staging ssh use?", "who approves refunds?"
    assert [(each.agent, each.query, places(each)) for each in recalls] == [
        ("ops-agent", staging, [("decisions/ssh.md", 4, 8), ("reference/ports.md", 0, 0)]),
        ("ops-agent", "ssh port", [("decisions/ssh.md", 0, 0)]),
        ("otel", staging, [(f"{FOLDER}/decisions/ssh.md", 0, 0)]),
        ("keeper", refunds, [("decisions/refunds.md", 3, 9)]),
        ("keeper", "nothing found", []),
    ]
    scores = [[hit.score for hit in each.given] for each in recalls]
    assert scores == [[0.71, None], [0.8], [0.71], [0.62], []]
    assert all(each.took_ms for each in recalls)


def test_a_span_is_the_same_recall_however_it_is_written() -> None:
    """By the collector, by protobuf's JSON (base64), and by the SDK itself."""
    attributes = {"openinference.span.kind": "RETRIEVER", "input.value": "ssh port"}
    typed = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
    sdk = {
        "name": "retrieve",
        "context": {"span_id": "0x3e6ca883ab3cb7fe"},
        "start_time": "2026-03-02T10:00:00.000000Z",
        "end_time": "2026-03-02T10:00:00.012000Z",
        "attributes": attributes,
    }

    def exported(span_id: str) -> Recall:
        span = SPAN | {"spanId": span_id, "attributes": typed}
        return one({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})

    assert one(sdk) == exported("3e6ca883ab3cb7fe") == exported("Pmyog6s8t/4=")
    assert one(sdk) != exported("3e6ca883ab3cb7ff") and one(sdk).took_ms == 12


@pytest.mark.parametrize("nested", [False, True])
def test_openinference_retrievers(nested: bool) -> None:
    flat = {
        "openinference.span.kind": "RETRIEVER",
        "input.value": "ssh port",
        "retrieval.documents.0.document.id": "7",
        "retrieval.documents.0.document.content": "ssh on 2222",
        "retrieval.documents.0.document.score": 0.8,
        "retrieval.documents.0.document.metadata": '{"source": "ports.md"}',
        "retrieval.documents.1.document.content": "soup",
    }
    document = {"id": "7", "content": "ssh on 2222", "score": 0.8}
    deep = {
        "openinference": {"span": {"kind": "RETRIEVER"}},
        "input": {"value": "ssh port"},
        "retrieval": {
            "documents": [
                {"document": document | {"metadata": {"source": "ports.md"}}},
                {"document": {"content": "soup"}},
            ]
        },
    }
    span = {"name": "r", "context": {"span_id": "s1"}, "start_time": AT}
    recall = one(span | {"attributes": deep if nested else flat})
    assert [(hit.path, hit.score, hit.text) for hit in recall.given] == [
        ("ports.md", 0.8, "ssh on 2222"),
        ("", None, "soup"),
    ]


def test_a_bad_line_is_counted_by_number_and_the_rest_is_read() -> None:
    log = ForeignLog(folders=(FOLDER,))
    lines = [
        json.dumps(OPENCLAW).encode(),
        b'{"type": "memory.recall.rec',
        b"",
        b"\xff\xfe",
        b"[1]",
        json.dumps(OPENCLAW | {"timestamp": "yesterday"}).encode(),
        json.dumps(OPENCLAW | {"query": None}).encode(),
        json.dumps(OPENCLAW | {"timestamp": 1772445600}).encode(),
    ]
    found = [each for line in lines for each in log.feed(line)]
    bad = [each for each in found if isinstance(each, BadLine)]
    assert [each.number for each in bad] == [2, 4, 5, 6, 7]
    assert [each.reason for each in bad[2:]] == [
        "not a JSON object",
        "no time: 'yesterday'",
        "no query",
    ]
    assert (log.bad, log.lines, len(found)) == (5, 8, 7)


def test_scores_that_are_no_numbers_are_left_out() -> None:
    line = json.dumps(
        OPENCLAW
        | {
            "results": [
                {"path": "a.md", "score": value}
                for value in (math.nan, math.inf, "0.5", "high", None, True, 10**400)
            ]
        }
    )
    _, (recall,) = read(line.encode())
    assert [hit.score for hit in recall.given] == [None, None, 0.5, None, None, None, None]


def test_control_characters_and_lone_surrogates_cross_the_socket() -> None:
    recall = one(b'{"at": 1772445600, "query": "\\u001b[31m \\ud800 \\u202e", "results": []}')
    assert recall.query.startswith("\x1b[31m")
    assert msgspec.json.decode(msgspec.json.encode(recall), type=Recall) == recall


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-02T10:00:00Z", "2026-03-02T10:00:00.000Z"),
        ("2026-03-02T10:00:00", "2026-03-02T10:00:00.000Z"),
        ("2026-03-02 05:00:00.5-05:00", "2026-03-02T10:00:00.500Z"),
        ("2026-03-02", "2026-03-02T00:00:00.000Z"),
        (1772445600, "2026-03-02T10:00:00.000Z"),
        (1772445600250, "2026-03-02T10:00:00.250Z"),
        ("1772445600000000000", "2026-03-02T10:00:00.000Z"),
    ],
)
def test_times_of_any_kind(value: object, expected: str) -> None:
    assert moment(value) == expected


@pytest.mark.parametrize(
    "value", [None, "", "soon", [], math.nan, 1e300, "9999-12-31T23:59:59-10:00"]
)
def test_what_is_no_time(value: object) -> None:
    with pytest.raises(BadRecord):
        moment(value)


def test_places_in_the_output_of_programs() -> None:
    output = "a/b.md:12:text\na/b.md\n./notes x.txt-3-context\nno place: here\nmain.py:3:x\n"
    found = [(hit.path, hit.start_line) for hit in places_in(output)]
    assert found == [("a/b.md", 12), ("a/b.md", 0), ("./notes x.txt", 3)]


def test_lines_are_assembled_and_one_that_is_too_long_is_dropped() -> None:
    lines = LogLines()
    assert list(lines.feed(b"one\ntw")) == [b"one"]
    assert list(lines.feed(b"o\nhalf")) == [b"two"]
    assert lines.rest == b"half"
    list(lines.feed(b"\n"))
    block = b"x" * (1 << 20)
    for _ in range((LINE_BYTES >> 20) + 2):
        assert list(lines.feed(block)) == []
    assert list(lines.feed(b"end\nnext\n")) == [None, b"next"]


# Anything at all

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
KEYS = (
    "type at query results timestamp path score startLine payload message content sessionId "
    "attributes name spanId resourceSpans retrieved_slugs created_at event id input tool_use_id "
    "call_id arguments output command startTimeUnixNano metadata text"
).split()
TYPES = st.sampled_from(
    [
        "memory.recall.recorded",
        "assistant",
        "user",
        "tool_use",
        "tool_result",
        "response_item",
        "function_call",
        "function_call_output",
        "session_meta",
        "Grep",
        "Bash",
        "RETRIEVER",
    ]
)
RECORDS = st.dictionaries(
    st.sampled_from(KEYS),
    st.recursive(
        VALUES | TYPES | st.just(AT),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
        ),
        max_leaves=10,
    ),
    max_size=8,
)


def everything(log: ForeignLog, lines: Iterable[bytes]) -> int:
    """Feed `lines`; what comes out can cross the socket."""
    found = [each for line in lines for each in log.feed(line)]
    for each in found:
        assert isinstance(each, BadLine) or msgspec.json.encode(each)
    return sum(isinstance(each, BadLine) for each in found)


@settings(max_examples=60)
@given(format=st.sampled_from(["auto", *FORMATS]), blocks=st.lists(st.binary(max_size=200)))
def test_any_bytes_are_read_or_counted(format: str, blocks: list[bytes]) -> None:  # noqa: A002
    log, lines = ForeignLog(folders=(FOLDER,), format=format), LogLines()
    ended = [line for block in blocks for line in lines.feed(block) if line is not None]
    assert everything(log, ended) == log.bad <= log.lines == len(ended)


@settings(max_examples=50)
@given(format=st.sampled_from(["auto", *FORMATS]), records=st.lists(RECORDS, max_size=6))
def test_any_records_are_read_or_counted(format: str, records: list[Any]) -> None:  # noqa: A002
    log = ForeignLog(folders=(FOLDER,), format=format)
    assert everything(log, [json.dumps(record).encode() for record in records]) == log.bad


def test_deep_nesting_is_a_bad_line_or_nothing() -> None:
    deep = "[" * 50_000 + "]" * 50_000
    wrapped = '{"content": ' * 400 + '"x"' + "}" * 400
    before, after = '{"sessionId": "s", "type": "user", "message": {"content": [', "]}}"
    use = '{"type": "tool_use", "id": "1", "name": "Bash", "input": {"command": "cat a.md"}}'
    result = '{"type": "tool_result", "tool_use_id": "1", "content": ' + wrapped + "}"
    log = ForeignLog(folders=(FOLDER,), format="claude-code")
    lines = (deep, before + use + after, before + result + after, '{"at": ' + deep + "}")
    everything(log, [line.encode() for line in lines])
    assert log.lines == 4


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_spans_that_are_indented_over_several_lines_are_read(size: int) -> None:
    """As OpenTelemetry's console exporter writes them, one after another."""
    attributes = {"openinference.span.kind": "RETRIEVER", "input.value": "ssh port"}
    span = {"name": "retrieve", "start_time": AT, "attributes": attributes}
    spans = [span | {"context": {"span_id": f"0x{number}"}} for number in range(2)]
    content = "\n".join(json.dumps(each, indent=4) for each in spans) + '\n{\n{"torn": 1}\n'
    log, lines = ForeignLog(folders=(FOLDER,)), LogLines()
    blocks = [content.encode()[at : at + size] for at in range(0, len(content), size)]
    found = [
        each for block in blocks for line in lines.feed(block) for each in log.feed(line or b"")
    ]
    assert [each.query for each in found if isinstance(each, Recall)] == ["ssh port"] * 2
    assert [each.number for each in found if isinstance(each, BadLine)] == [content.count("\n") - 1]
