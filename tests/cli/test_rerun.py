"""`membrowse rerun`: a report's query today, and what differs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from membrowse.cli import report_context
from membrowse.cli.redaction import redacted
from membrowse.cli.terminal import unstyled
from membrowse.presentation.rerun import rerun_page
from membrowse.settings import Settings
from membrowse.wire.report import Report, ReportedIndex, Setting
from membrowse.wire.rerun import Rerun
from membrowse.wire.search import Hit, SearchRequest, SearchResponse
from membrowse.wire.tuning import Configurations, ConfigurationsRequest
from tests.cli.conftest import Program
from tests.cli.hostile import HOSTILE, acts, filled
from tests.standin.engine import StandIn
from tests.standin.replies import hit, ranking, response, status

QUERY = "deploy"
SCORES = {"keyword": 12.3, "vector": 0.5, "fused": 0.7}


def at(rank: int, chunk: str) -> Hit:
    ranks = dict.fromkeys(("keyword", "vector", "fused", "reranked"), rank)
    scores = dict.fromkeys(ranks, 1.0 / rank)
    return hit(rank, chunk=chunk, path=f"{chunk}.md", ranks=ranks, scores=scores, score=1 / rank)


def found(*chunks: str, **changes: Any) -> SearchResponse:
    hits = tuple(at(rank, chunk) for rank, chunk in enumerate(chunks, start=1))
    rankings = {name: ranking(hits) for name in ("keyword", "reranked")}
    return response(QUERY, rankings=rankings, **changes)


def report(then: SearchResponse, **changes: Any) -> Report:
    now = status()
    values: dict[str, Any] = {
        "made_at": "2026-11-22T15:04:05Z",
        "program": report_context.running_program(now),
        "query_sha256": hashlib.sha256(QUERY.encode()).hexdigest(),
        "settings": {},
        "indexed": report_context.reported_index(now),
        "response": then,
    }
    return Report(**(values | changes))


@pytest.fixture
def saved(tmp_path: Path, engine: StandIn) -> Any:
    """Keep a report of `then`; the engine answers `now`, tracking by chunk or by `successors`."""

    def save(then: Report, now: SearchResponse, successors: dict[str, str] | None = None) -> Path:
        hits = {one.chunk: one for one in now.rankings["reranked"].hits}

        def answer(request: SearchRequest) -> SearchResponse:
            wanted = {old: (successors or {}).get(old, old) for old in request.track}
            tracked = {old: hits[new] for old, new in wanted.items() if new in hits}
            return msgspec.structs.replace(now, tracked=tracked)

        engine.replies[SearchRequest] = answer
        engine.replies[ConfigurationsRequest] = Configurations()
        file = tmp_path / "report.json"
        file.write_bytes(msgspec.json.encode(then))
        return file

    return save


def settings_of_today() -> dict[str, Setting]:
    from membrowse import settings

    values = settings.flat(settings.Settings())
    return {key: Setting(value=value, source="default") for key, value in values.items()}


def test_the_same_order_is_status_0_and_nothing_differs(
    saved: Any, program: Program, folder: Path
) -> None:
    file = saved(report(found("c1", "c2"), settings=settings_of_today()), found("c1", "c2"))
    ran = program("rerun", file, "--folder", folder, "--json")
    answer = json.loads(ran.out)
    assert (ran.status, answer["schema"], answer["same_order"]) == (0, 1, True)
    assert answer["differences"] == []
    assert [one["now"] for one in answer["rankings"]["reranked"]["hits"]] == [1, 2]


def test_another_order_is_status_1_with_each_hit_then_and_now(
    saved: Any, program: Program, folder: Path
) -> None:
    file = saved(report(found("c1", "c2", "c3")), found("c2", "c1b", "c9"), {"c1": "c1b"})
    ran = program("rerun", file, "--folder", folder)
    assert (ran.status, ran.err) == (1, "")
    assert "the first 10 reranked hits: another order" in ran.out
    assert "   1 → 2   ▼1     1.000 → .500    edited  c1b.md:3" in ran.out
    assert "   2 → 1   ▲1      .500 → 1.000           c2.md:3" in ran.out
    assert "   3 → –   ✗       .333 → –       gone    c3.md:3" in ran.out
    assert "   – → 3   new        – → .333            c9.md:3" in ran.out


def test_a_successor_in_the_place_of_its_chunk_is_the_same_order(
    saved: Any, program: Program, folder: Path
) -> None:
    file = saved(report(found("c1", "c2")), found("c1b", "c2"), {"c1": "c1b"})
    ran = program("rerun", file, "--folder", folder, "--json")
    assert ran.status == 0
    assert json.loads(ran.out)["rankings"]["reranked"]["hits"][0]["edited"] is True


def test_generation_settings_recipe_and_program_are_compared(
    saved: Any, program: Program, folder: Path
) -> None:
    now = status()
    then = report(
        found("c1", generation=9),
        settings=settings_of_today() | {"fusion.weight": Setting(value=0.9, source="file")},
        indexed=ReportedIndex(
            recipe=now.recipe | {"chunker": "0"}, encoder="e", precision="", encoded=1
        ),
        program=msgspec.structs.replace(report_context.running_program(now), membrowse="0.0.1"),
    )
    ran = program("rerun", saved(then, found("c1")), "--folder", folder)
    assert "generation 9 → 12\n" in ran.out
    assert f"fusion.weight 0.9 → {Settings().fusion.weight}\n" in ran.out
    assert "recipe.chunker 0 → 1\n" in ran.out
    assert "program.membrowse 0.0.1 → " in ran.out


def test_a_redacted_report_is_run_again_with_its_query(
    saved: Any, program: Program, folder: Path
) -> None:
    then = redacted(report(found("c1", "c2"), settings=settings_of_today()))
    file = saved(then, found("c1", "c2"))
    ran = program("rerun", file, "--folder", folder)
    assert ran.status == 2
    assert "is redacted: give its query with --query" in ran.err
    assert program("rerun", file, "--query", "another", "--folder", folder).status == 2
    ran = program("rerun", file, "--query", QUERY, "--folder", folder, "--json")
    answer = json.loads(ran.out)
    assert (ran.status, answer["differences"]) == (0, [])
    assert answer["rankings"]["keyword"]["hits"][0]["path"] == "c1.md"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"what", "is not a report"),
        (b"{}", "is not a report of membrowse"),
        (b'{"kind": "membrowse report", "schema": 9}', "schema 9"),
        (b'{"kind": "membrowse report", "schema": 1}', "missing required field"),
        (b"[1]", "is not a report"),
        (b"\xff\xfe", "is not a report"),
    ],
)
def test_a_file_that_is_no_report_is_a_usage_error(
    program: Program, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(content)
    ran = program("rerun", file)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err
    assert program("rerun", tmp_path / "none").status == 2
    assert program("rerun", tmp_path).status == 2


def test_hostile_text_is_shown_and_does_nothing(saved: Any, program: Program, folder: Path) -> None:
    file = saved(report(found("c1")), found("c1"))
    ran = program("rerun", file, "--folder", folder, "--json")
    hostile = filled(msgspec.json.decode(ran.out, type=Rerun), HOSTILE)
    assert not acts(unstyled(rerun_page(hostile, 80)))


def test_a_folder_without_an_index_is_not_taken_from_a_report(
    saved: Any, program: Program, tmp_path: Path
) -> None:
    file = saved(report(found("c1", folder=str(tmp_path))), found("c1"))
    ran = program("rerun", file)
    assert ran.status == 2
    assert "which folder?" in ran.err
