"""One query: what is asked, what is printed, how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from membrowse.client.engine import EngineRefused, EngineUnavailable
from membrowse.wire.engine import EncoderState, Pending
from membrowse.wire.request import Problem
from membrowse.wire.search import (
    Filters,
    MatchStrength,
    RankingState,
    SearchRequest,
    SearchResponse,
)
from tests.cli.conftest import Program
from tests.standin.engine import StandIn
from tests.standin.replies import going_through, hit, ranking, response, state

DOCUMENTED = {
    "": "schema recall asked_at client query folder generation notes chunks pending "
    "settings_digest rankings",
    "query": "text syntax terms dropped pieces unknown",
    "ranking": "state message took_ms total hits",
    "hit": "rank exact chunk path title heading start_line end_line start_offset end_offset date "
    "indexed_at freshness ranks score snippet",
}
HOSTILE = "a\x1b[31mb\x1b]52;c;aGk=\x07\u202e\x9b[/tmp]\ttab"


def documented(part: str) -> set[str]:
    return set(DOCUMENTED[part].split())


def test_json_has_every_documented_key(engine: StandIn, program: Program, folder: Path) -> None:
    ran = program("search", "deploy", "--folder", folder, "--json")
    answer = json.loads(ran.out)
    assert ran.status == 0
    assert ran.out.count("\n") == 1
    assert documented("") <= answer.keys()
    assert documented("query") <= answer["query"].keys()
    assert answer["schema"] == 1
    assert answer["query"]["terms"] == [{"term": "deploy", "df": 12, "typed": ""}]
    assert list(answer["rankings"]) == ["keyword", "vector", "fused", "reranked"]
    for one in answer["rankings"].values():
        assert documented("ranking") <= one.keys()
        assert documented("hit") <= one["hits"][0].keys()
        assert one["hits"][0]["ranks"].keys() == {"keyword", "vector", "fused", "reranked"}
        assert one["hits"][0]["freshness"] == "current"


def test_the_request_says_what_was_asked_for(
    engine: StandIn, program: Program, folder: Path
) -> None:
    program("search", "-n", "3", "--syntax", "--folder", folder, "path:a deploy")
    assert engine.asked == [
        SearchRequest(text="path:a deploy", syntax="operators", limit=3, client="cli")
    ]
    assert engine.closed
    given = "--path logs/* --tag ops --after 2026-03 --before 2026-05".split()
    program("search", "deploy", *given, "--folder", folder)
    assert engine.asked[1].filters == Filters(
        path="logs/*", tag="ops", after="2026-03", before="2026-05"
    )
    del engine.replies[SearchRequest]
    ran = program("search", "deploy", "--after", "soon", "--folder", folder)
    assert (ran.status, ran.out) == (2, "")
    assert "the filter after:soon needs a date such as 2026" in ran.err


def test_a_query_is_literal_unless_operators_are_asked_for(
    engine: StandIn, program: Program, folder: Path
) -> None:
    program("search", "--folder", folder, "--", "-what: is this?")
    assert engine.asked[0].text == "-what: is this?"
    assert engine.asked[0].syntax == "literal"


def test_bytes_that_are_no_text_do_not_reach_the_engine(
    engine: StandIn, program: Program, folder: Path
) -> None:
    assert program("search", "caf\udce9", "--folder", folder).status == 0
    assert engine.asked[0].text == "caf?"


def test_on_a_pipe_hits_are_lines_of_five_fields(
    engine: StandIn, program: Program, folder: Path
) -> None:
    lines = program("search", "deploy", "--folder", folder).out.splitlines()
    assert lines[0] == "1\tkeyword\t12.3\trunbooks/deploy-1.md:3\tA › B"
    assert [line.split("\t")[1] for line in lines[::2]] == [
        "keyword",
        "vector",
        "fused",
        "reranked",
    ]


def test_a_terminal_gets_a_page_and_json_where_it_is_asked_for(
    engine: StandIn, program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    page = program("search", "deploy", "--folder", folder).out
    assert "KEYWORD" in page and "deploy-1.md:3" in page and "\t" not in page
    assert json.loads(program("search", "deploy", "--json", "--folder", folder).out)["schema"] == 1


def test_hostile_text_is_shown_on_a_pipe_and_kept_in_json(
    engine: StandIn, program: Program, folder: Path
) -> None:
    hostile = hit(1, path=HOSTILE, heading=HOSTILE, snippet=HOSTILE)
    engine.replies[SearchRequest] = response(rankings={"keyword": ranking((hostile,))})
    plain = program("search", "deploy", "--folder", folder).out
    assert plain.count("\t") == 4
    assert not set(plain) & set("\x1b\x07\u202e\x9b")
    answer = json.loads(program("search", "deploy", "--folder", folder, "--json").out)
    assert answer["rankings"]["keyword"]["hits"][0]["path"] == HOSTILE


def test_json_is_valid_where_a_path_is_not_utf8(
    engine: StandIn, program: Program, folder: Path
) -> None:
    engine.replies[SearchRequest] = response(folder="/caf\udce9")
    ran = program("search", "deploy", "--folder", folder, "--json")
    assert "\\udce9" in ran.out
    assert json.loads(ran.out)["folder"] == "/caf\udce9"


def test_none_found_is_status_1(engine: StandIn, program: Program, folder: Path) -> None:
    engine.replies[SearchRequest] = response(hits=0)
    assert program("search", "x", "--folder", folder).status == 1


def test_nothing_indexed_is_status_1_and_said(
    engine: StandIn, program: Program, folder: Path
) -> None:
    engine.replies[SearchRequest] = response(hits=0, chunks=0, notes=0, pending=2)
    ran = program("search", "x", "--folder", folder)
    assert ran.status == 1
    assert "nothing is indexed yet; --wait waits" in ran.err


def test_a_store_that_does_not_answer_is_no_search_without_hits(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path
) -> None:
    silent = ranking(state=RankingState.FAILED, message="Milvus at h:1 does not answer")
    failed = response(hits=0, rankings={"keyword": silent, "vector": silent})
    engine.replies[SearchRequest] = failed
    ran = program("search", "x", "--folder", folder)
    assert ran.status == 3 and "keyword: failed: Milvus at h:1 does not answer" in ran.err
    (tmp_path / "batch").write_text('{"query": "x"}\n')
    ran = program("search", "--batch", tmp_path / "batch", "--folder", folder)
    assert (ran.status, json.loads(ran.out)["rankings"]["keyword"]["state"]) == (3, "failed")


@pytest.mark.parametrize("waiting", ["--wait", "--no-wait"])
@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (
            {"notes": 0, "not_indexed": 3},
            "no notes here, 3 files not indexed (notes are .md, .markdown and .txt files)",
        ),
        (
            {"notes": 0, "not_indexed": 0},
            "no notes here (notes are .md, .markdown and .txt files)",
        ),
        ({"notes": 2, "not_indexed": 0}, "nothing to find: 2 notes without text"),
        (
            {"notes": 0, "not_indexed": 0, "store": "chroma:/db#a"},
            "no record with text in chroma:/db#a",
        ),
    ],
)
def test_a_folder_without_anything_to_find_is_described_and_not_waited_for(
    engine: StandIn,
    program: Program,
    folder: Path,
    waiting: str,
    counts: dict[str, Any],
    said: str,
) -> None:
    engine.replies |= going_through(state(chunks=0, encoded=0, pending=Pending(), **counts))
    engine.replies[SearchRequest] = response(hits=0, chunks=0, notes=counts["notes"])
    ran = program("search", "x", waiting, "--folder", folder)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == f"membrowse: {said}\n"


def test_a_ranking_that_is_not_ready_says_so_on_stderr(
    engine: StandIn, program: Program, folder: Path
) -> None:
    message = "300 of 992 chunks have a vector"
    late = ranking(state=RankingState.INDEXING, message=message)
    engine.replies[SearchRequest] = response(
        pending=7, rankings={"keyword": ranking((hit(),)), "vector": late}
    )
    ran = program("search", "x", "--folder", folder)
    assert f"vector: indexing: {message}" in ran.err
    assert "7 notes differ from the index; --wait" in ran.err
    assert ran.status == 0


def test_an_answer_from_a_folder_that_is_still_read_says_so_in_one_line(
    engine: StandIn, program: Program, folder: Path
) -> None:
    partial = ranking((hit(),), state=RankingState.INDEXING, message="106 notes still to read")
    engine.replies[SearchRequest] = response(
        rankings={"keyword": partial, "vector": partial}, reading=True, notes=40, pending=106
    )
    ran = program("search", "deploy", "--folder", folder)
    assert ran.err == (
        "membrowse: still reading the notes: 40 notes so far, 106 to go; "
        "--wait waits until the index is complete\n"
    )
    assert json.loads(program("search", "deploy", "--folder", folder, "--json").out)["reading"]


def test_a_weak_match_is_said_on_stderr(engine: StandIn, program: Program, folder: Path) -> None:
    weak = MatchStrength(weak=True, cosine=0.2, coverage=0.1)
    found = ranking((hit(),), strength=weak)
    engine.replies[SearchRequest] = response(rankings={"reranked": found})
    ran = program("search", "deploy", "--folder", folder)
    assert ran.status == 0
    assert ran.err == "membrowse: reranked: weak match in words and meaning\n"
    ran = program("search", "deploy", "--folder", folder, "--json")
    found = json.loads(ran.out)["rankings"]["reranked"]["strength"]
    assert found == {"weak": True, "cosine": 0.2, "coverage": 0.1}


def test_search_does_not_wait_for_indexing_unless_told(
    engine: StandIn, program: Program, folder: Path
) -> None:
    behind = state(pending=Pending(new=3))
    engine.replies |= going_through(behind, state())
    program("search", "x", "--folder", folder)
    assert engine.reindexed == []
    program("search", "x", "--folder", folder, "--wait")
    assert len(engine.reindexed) == 1


def test_search_waits_while_the_encoder_loads(
    engine: StandIn, program: Program, folder: Path
) -> None:
    loading = EncoderState(state=RankingState.LOADING, name="m")
    seen: list[str] = []

    def answer(request: SearchRequest) -> SearchResponse:
        seen.append("asked")
        return response()

    engine.replies[SearchRequest] = answer
    engine.replies |= going_through(state(encoder=loading), state(encoder=loading), state())
    assert program("search", "x", "--folder", folder).status == 0
    assert seen == ["asked"]


def test_search_does_not_wait_for_an_encoder_where_the_engine_has_a_problem(
    engine: StandIn, program: Program, folder: Path
) -> None:
    loading = EncoderState(state=RankingState.LOADING, name="m")
    engine.replies |= going_through(state(encoder=loading, problem="the index cannot be opened"))
    assert program("search", "x", "--folder", folder).status == 0


def test_waiting_without_the_right_to_reindex_is_for_what_the_engine_does_by_itself(
    engine: StandIn, program: Program, folder: Path
) -> None:
    engine.rights = ()
    engine.replies |= going_through(state(pending=Pending(new=1)), state())
    assert program("search", "x", "--folder", folder, "--wait").status == 0


def test_a_query_that_the_engine_cannot_read_is_status_2(
    engine: StandIn, program: Program, folder: Path
) -> None:
    def answer(request: SearchRequest) -> SearchResponse:
        raise EngineRefused(Problem(message="unclosed phrase"), 400)

    engine.replies[SearchRequest] = answer
    ran = program("search", '"x', "--syntax", "--folder", folder)
    assert (ran.status, ran.out) == (2, "")
    assert "unclosed phrase" in ran.err


def test_no_engine_is_status_3(engine: StandIn, program: Program, folder: Path) -> None:
    def answer(request: SearchRequest) -> SearchResponse:
        raise EngineUnavailable("the engine is gone")

    engine.replies[SearchRequest] = answer
    ran = program("search", "x", "--folder", folder)
    assert (ran.status, ran.out) == (3, "")
    assert ran.err == "membrowse: the engine is gone\n"


@pytest.mark.parametrize(
    "command",
    [
        ["search", ""],
        ["search", " \t\n"],
        ["search", "", "--json"],
        ["why", "", "a.md"],
        ["explain", " ", "a.md"],
        ["tokens", ""],
        ["report", "\u3000"],
        ["pins", "add", "", "a.md"],
    ],
)
def test_an_empty_query_is_wrong_usage(
    engine: StandIn, program: Program, folder: Path, command: list[str]
) -> None:
    (folder / "a.md").write_text("# A\n")
    ran = program(*command, "--folder", folder)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == "membrowse: nothing to look for: the text is empty\n"
    assert engine.requests() == []


@pytest.mark.parametrize("arguments", [[], ["x", "--batch", "y"], ["x", "-n", "0"], ["x", "y"]])
def test_wrong_usage_is_status_2(
    engine: StandIn, program: Program, folder: Path, arguments: list[str]
) -> None:
    ran = program("search", *arguments, "--folder", folder)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err


def test_settings_that_cannot_be_used_are_status_2(
    engine: StandIn, program: Program, folder: Path, home: Path
) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text("[fusion]\nweight = 7\n")
    ran = program("search", "x", "--folder", folder)
    assert ran.status == 2
    assert "fusion.weight" in ran.err
    assert engine.asked == []
