"""`membrowse why`: what it asks for, JSON for programs, and the status a script can rely on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from membrowse.wire.diagnosis import (
    Diagnosis,
    DiagnosisRequest,
    Suggestions,
    SuggestionsRequest,
)
from membrowse.wire.search import Filters, Target
from tests.cli.conftest import Program
from tests.standin import replies
from tests.standin.engine import StandIn


@pytest.mark.parametrize(("in_top_k", "status"), [(True, 0), (False, 1)])
def test_the_status_tells_whether_it_is_in_the_top_k(
    engine: StandIn, program: Program, folder: Path, in_top_k: bool, status: int
) -> None:
    engine.replies |= {
        DiagnosisRequest: replies.diagnosis(in_top_k=in_top_k),
        SuggestionsRequest: replies.suggestions(),
    }
    ran = program("why", "ssh", "a.md", "--folder", folder)
    assert (ran.status, ran.err) == (status, "")
    assert "STEP BY STEP" in ran.out


def test_json_has_verdict_rungs_and_changes(
    engine: StandIn, program: Program, folder: Path
) -> None:
    engine.replies |= {
        DiagnosisRequest: replies.diagnosis(),
        SuggestionsRequest: replies.suggestions(),
    }
    ran = program("why", "ssh", "a.md", "--folder", folder, "--json")
    answer = json.loads(ran.out)
    assert ran.status == 1
    assert answer["schema"] == 1
    assert answer["verdict"] == replies.why().verdict
    assert [rung["step"] for rung in answer["rungs"]][-2:] == ["reranked", "cut"]
    assert [change["rank"] for change in answer["changes"]] == [3, 5, 2]


def test_a_text_can_be_asked_for_and_changes_left_out(
    engine: StandIn, program: Program, folder: Path
) -> None:
    asked: list[DiagnosisRequest] = []

    def answer(request: DiagnosisRequest) -> Diagnosis:
        asked.append(request)
        return replies.diagnosis()

    found: list[SuggestionsRequest] = []

    def suggest(request: SuggestionsRequest) -> Suggestions:
        found.append(request)
        return replies.suggestions()

    engine.replies |= {DiagnosisRequest: answer, SuggestionsRequest: suggest}
    program("why", "ssh", "--text", "port 22", "-k", "3", "--no-changes", "--folder", folder)
    program("why", "ssh", "a.md:4", "--syntax", "--tag=ops", "--before=2026", "--folder", folder)
    searched: dict[str, Any] = {
        "text": "ssh",
        "syntax": "operators",
        "target": Target(path="a.md", line=4),
        "filters": Filters(tag="ops", before="2026"),
    }
    assert asked == [
        DiagnosisRequest(text="ssh", target=Target(text="port 22"), k=3),
        DiagnosisRequest(**searched),
    ]
    assert found == [SuggestionsRequest(**searched)]


def test_without_a_note_and_a_text_there_is_nothing_to_ask(
    engine: StandIn, program: Program, folder: Path
) -> None:
    ran = program("why", "ssh", "--folder", folder)
    assert (ran.status, ran.out) == (2, "")
    assert "name what you expected: PATH, PATH:LINE or --text" in ran.err
