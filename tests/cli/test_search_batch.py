"""Many queries: order, ids, lines that are none, and answers before the input ends."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from membrowse.cli import output
from membrowse.cli.commands import search
from membrowse.client.engine import EngineRefused, EngineUnavailable
from membrowse.wire.request import Problem
from membrowse.wire.search import SearchRequest, SearchResponse
from tests.cli.conftest import Program
from tests.standin.engine import StandIn
from tests.standin.replies import response
from tests.waiting import DEADLINE_SECONDS


def written(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "queries.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return file


def answers(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_answers_keep_the_order_of_the_questions(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path
) -> None:
    async def answer(request: SearchRequest) -> SearchResponse:
        await asyncio.sleep(0.02 if request.text in ("0", "3") else 0.0)
        return response(request.text)

    engine.replies[SearchRequest] = answer
    file = written(tmp_path, *(json.dumps({"id": n, "query": str(n)}) for n in range(9)))
    ran = program("search", "--batch", file, "--folder", folder, "--json", "-n", "7")
    assert ran.status == 0
    assert [answer["id"] for answer in answers(ran.out)] == list(range(9))
    assert [answer["query"]["text"] for answer in answers(ran.out)] == list("012345678")
    assert {request.limit for request in engine.asked} == {7}


def test_an_id_is_returned_as_it_came_and_other_keys_are_ignored(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path
) -> None:
    ids: list[object] = ["q1", 7, None, {"conv": [1, "二"]}]
    lines = [json.dumps({"id": i, "query": "x", "relevant": [{"path": "a"}]}) for i in ids]
    file = written(tmp_path, *lines, '{"query": "no id"}', "")
    ran = program("search", "--batch", file, "--folder", folder)
    assert [answer["id"] for answer in answers(ran.out)] == [*ids, None]
    assert list(answers(ran.out)[0])[:2] == ["id", "schema"]


def test_lines_that_hold_no_query_are_named_and_left_out(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path
) -> None:
    bad = ["{", '{"id": 1}', '{"id": 1, "query": 5}', '{"id": 1, "query": " "}', "[]"]
    file = written(tmp_path, '{"id": "a", "query": "x"}', *bad, '{"id": "b", "query": "x"}')
    file.write_bytes(file.read_bytes() + b'\xff\xfe\n{"id": "c", "query": "x"}')
    ran = program("search", "--batch", file, "--folder", folder, "--json")
    assert ran.status == 2
    assert [answer["id"] for answer in answers(ran.out)] == ["a", "b", "c"]
    for number in (2, 3, 4, 5, 6, 8):
        assert f"line {number}: " in ran.err


def test_a_query_that_the_engine_refuses_is_left_out_too(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path
) -> None:
    def answer(request: SearchRequest) -> SearchResponse:
        if request.text == '"':
            raise EngineRefused(Problem(message="unclosed phrase"), 400)
        return response(request.text)

    engine.replies[SearchRequest] = answer
    file = written(tmp_path, '{"id": 1, "query": "\\""}', '{"id": 2, "query": "x"}')
    ran = program("search", "--batch", file, "--syntax", "--folder", folder)
    assert ran.status == 2
    assert [answer["id"] for answer in answers(ran.out)] == [2]
    assert "line 1: unclosed phrase" in ran.err


def test_answers_come_before_the_input_ends(
    engine: StandIn,
    program: Program,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    answered = threading.Event()
    original = output.write_json

    def noticed(value: object, first: dict[str, Any] | None = None) -> None:
        original(value, first)
        answered.set()

    monkeypatch.setattr(output, "write_json", noticed)
    in_time: list[bool] = []

    def ask() -> None:
        with fifo.open("w") as stream:
            for number in range(2):
                stream.write(f'{{"id": {number}, "query": "x"}}\n')
                stream.flush()
                in_time.append(answered.wait(DEADLINE_SECONDS))
                answered.clear()

    thread = threading.Thread(target=ask)
    thread.start()
    ran = program("search", "--batch", fifo, "--folder", folder)
    thread.join()
    assert in_time == [True, True]
    assert [answer["id"] for answer in answers(ran.out)] == [0, 1]


def test_a_batch_waits_until_the_index_is_current_unless_told_not_to(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path
) -> None:
    file = written(tmp_path, '{"id": 1, "query": "x"}')
    program("search", "--batch", file, "--folder", folder, "--no-wait")
    assert engine.reindexed == []
    program("search", "--batch", file, "--folder", folder)
    assert len(engine.reindexed) == 1


def test_only_a_few_queries_are_in_flight(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path
) -> None:
    flying: list[int] = []
    landed: list[SearchRequest] = []

    async def answer(request: SearchRequest) -> SearchResponse:
        flying.append(len(engine.asked) - len(landed))
        await asyncio.sleep(0.001)
        landed.append(request)
        return response(request.text)

    engine.replies[SearchRequest] = answer
    file = written(tmp_path, *['{"query": "x"}'] * 30)
    assert program("search", "--batch", file, "--folder", folder).status == 0
    assert 1 < max(flying) <= search.IN_FLIGHT


def test_an_engine_that_goes_away_is_status_3_after_what_was_answered(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path
) -> None:
    def answer(request: SearchRequest) -> SearchResponse:
        if request.text == "gone":
            raise EngineUnavailable("the engine is gone")
        return response(request.text)

    engine.replies[SearchRequest] = answer
    file = written(tmp_path, '{"id": 1, "query": "x"}', '{"id": 2, "query": "gone"}')
    ran = program("search", "--batch", file, "--folder", folder)
    assert ran.status == 3
    assert [answer["id"] for answer in answers(ran.out)] == [1]


def test_no_query_with_hits_is_status_1(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path
) -> None:
    engine.replies[SearchRequest] = response(hits=0)
    file = written(tmp_path, '{"query": "x"}')
    assert program("search", "--batch", file, "--folder", folder).status == 1


def test_a_file_that_cannot_be_read_is_status_2(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path
) -> None:
    assert program("search", "--batch", tmp_path / "none", "--folder", folder).status == 2
    ran = program("search", "--batch", tmp_path, "--folder", folder)
    assert (ran.status, ran.out) == (2, "")
    assert "cannot be read" in ran.err


def test_long_lines_are_read_whole(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path
) -> None:
    long = "w " * 200_000
    file = written(tmp_path, json.dumps({"id": 1, "query": long}), '{"id": 2, "query": "x"}')
    ran = program("search", "--batch", file, "--folder", folder)
    assert ran.status == 0
    assert [request.text for request in engine.asked] == [long, "x"]


def test_a_byte_order_mark_is_skipped(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "queries.jsonl"
    lines = '{"id": "a", "query": "x"}\n{"id": "b", "query": "y"}\n'
    file.write_text(lines, encoding="utf-8-sig")
    ran = program("search", "--batch", file, "--folder", folder)
    assert (ran.status, [answer["id"] for answer in answers(ran.out)]) == (0, ["a", "b"])
    file.write_text(lines.replace("\n", "\n\ufeff", 1), encoding="utf-8")
    assert program("search", "--batch", file, "--folder", folder).status == 2
