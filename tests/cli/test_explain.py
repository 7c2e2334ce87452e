"""`membrowse explain`: what it asks for, JSON for programs, how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from membrowse.client.engine import EngineRefused
from membrowse.wire.explanation import (
    ExplainRequest,
    Explanation,
    SpellingRequest,
    SpellingSuggestion,
)
from membrowse.wire.request import Problem
from membrowse.wire.search import Target
from tests.cli.conftest import Program
from tests.standin import replies
from tests.standin.engine import StandIn


@pytest.mark.parametrize(("line", "covered"), [(31, True), (34, True), (9999, False)])
def test_a_line_that_no_chunk_covers_is_told(
    engine: StandIn, program: Program, folder: Path, line: int, covered: bool
) -> None:
    engine.replies[ExplainRequest] = replies.explanation()
    ran = program("explain", "ssh port", f"logs/2025-11-08.md:{line}", "--folder", folder)
    assert ran.status == 0
    assert (f"no chunk covers line {line}" in ran.err) != covered


def test_json_is_the_record_with_a_schema(engine: StandIn, program: Program, folder: Path) -> None:
    engine.replies[ExplainRequest] = replies.explanation()
    ran = program("explain", "ssh port", "logs/a.md:31", "--folder", folder, "--json")
    answer = json.loads(ran.out)
    assert ran.status == 0
    assert (answer["schema"], answer["keyword"]["score"]) == (1, 3.0)
    assert "spellings" not in answer
    del answer["schema"]
    assert msgspec.convert(answer, Explanation) == replies.explanation()


def test_json_has_the_spellings_where_they_were_asked_for(
    engine: StandIn, program: Program, folder: Path
) -> None:
    engine.replies[ExplainRequest] = replies.explanation()
    engine.replies[SpellingRequest] = [SpellingSuggestion(typed="shh", near=("ssh",))]
    ran = program("explain", "shh", "a.md", "--spellings", "--folder", folder, "--json")
    assert json.loads(ran.out)["spellings"] == [{"typed": "shh", "near": ["ssh"]}]


def test_the_engine_is_asked_for_the_place(engine: StandIn, program: Program, folder: Path) -> None:
    asked: list[ExplainRequest] = []

    def answer(request: ExplainRequest) -> Explanation:
        asked.append(request)
        return replies.explanation()

    engine.replies[ExplainRequest] = answer
    ran = program("explain", "ssh", folder / "a.md:31", "--syntax", "--folder", folder)
    assert (ran.status, ran.err) == (0, "")
    assert "KEYWORD  #3 " in ran.out and " of 57 " in ran.out
    assert "\x1b" not in ran.out
    assert asked == [
        ExplainRequest(text="ssh", syntax="operators", target=Target(path="a.md", line=31))
    ]


def test_a_note_without_chunks_is_status_1_and_leads_to_why(
    engine: StandIn, program: Program, folder: Path
) -> None:
    def refuse(_: ExplainRequest) -> Explanation:
        raise EngineRefused(Problem(message="a.md is not indexed"), 404)

    engine.replies[ExplainRequest] = refuse
    ran = program("explain", "ssh", "a.md", "--folder", folder)
    assert (ran.status, ran.out) == (1, "")
    assert "a.md is not indexed (run `membrowse why` for details)" in ran.err
