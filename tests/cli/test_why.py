"""`membrowse why`: verdict, ladder, changes, and the status a script can rely on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.cells import cell_len

from membrowse.cli import ladder_sheet
from membrowse.cli.sheet import Sheet
from membrowse.wire.diagnosis import (
    Diagnosis,
    DiagnosisReport,
    DiagnosisRequest,
    Suggestions,
    SuggestionsRequest,
)
from membrowse.wire.search import Target
from tests.cli.conftest import Program
from tests.cli.hostile import HOSTILE, acts, filled
from tests.standin import replies as findings
from tests.standin.engine import StandIn as FakeEngine


def page(why: DiagnosisReport, columns: int = 80, *, changes: bool = True) -> str:
    sheet = Sheet(columns)
    ladder_sheet.fill(sheet, why, looked_for_changes=changes)
    return sheet.text(styled=False)


def test_the_verdict_is_first_and_each_rung_is_a_line_with_a_mark() -> None:
    text = page(findings.why())
    assert text.startswith("decisions/ssh.md:14 is #11, since the reranker takes it down 3 places.")
    assert "  ✓ folder          it is in the folder\n" in text
    assert "  ! keyword  #14    2 of 5 words match nothing in it\n" in text
    assert "\n                      missing: bastion, inbound\n" in text
    assert "  ✗ reranked #11    the reranker takes it down 3 places\n" in text
    assert "  · cut             not looked at\n" in text


def test_changes_come_with_their_rank_and_what_they_break() -> None:
    text = page(findings.why())
    assert "BRINGS IT INTO THE TOP 5  3 of 41 tried" in text
    assert "#3   setting fusion.weight 0.5 → 0.62" in text
    assert "breaks 2 of 41 pins, mends 1\n" in text
    assert "breaks: g03, g07\n" in text
    assert "? ssh port bastion" in text
    assert "- ## SSH\n" in text
    assert "+ ## SSH staging\n" in text


def test_no_change_that_helps_is_said_too() -> None:
    text = page(findings.why(suggestions=(), unfinished="3 s were not enough for all"))
    assert "no single change that was tried brings it there" in text
    assert "! 3 s were not enough for all" in text
    assert "BRINGS" not in page(findings.why(suggestions=()), changes=False)
    assert "BRINGS" not in page(findings.why(suggestions=(), tried=0))


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_long_sentences_wrap_within_the_terminal(columns: int) -> None:
    long = filled(findings.why(), "the bastion 部署 " * 30)
    lines = page(long, columns).splitlines()
    assert max(map(cell_len, lines)) <= columns


def test_hostile_text_is_shown_and_does_nothing() -> None:
    text = page(filled(findings.why(), HOSTILE))
    assert not acts(text)
    assert "[31m" in text


@pytest.mark.parametrize(("in_top_k", "status"), [(True, 0), (False, 1)])
def test_the_status_tells_whether_it_is_in_the_top_k(
    engine: FakeEngine, program: Program, folder: Path, in_top_k: bool, status: int
) -> None:
    engine.replies |= {
        DiagnosisRequest: findings.diagnosis(in_top_k=in_top_k),
        SuggestionsRequest: findings.suggestions(),
    }
    ran = program("why", "ssh", "a.md", "--folder", folder)
    assert (ran.status, ran.err) == (status, "")
    assert "LADDER" in ran.out


def test_json_has_verdict_rungs_and_changes(
    engine: FakeEngine, program: Program, folder: Path
) -> None:
    engine.replies |= {
        DiagnosisRequest: findings.diagnosis(),
        SuggestionsRequest: findings.suggestions(),
    }
    ran = program("why", "ssh", "a.md", "--folder", folder, "--json")
    answer = json.loads(ran.out)
    assert ran.status == 1
    assert answer["schema"] == 1
    assert answer["verdict"] == findings.why().verdict
    assert [rung["step"] for rung in answer["rungs"]][-2:] == ["reranked", "cut"]
    assert [change["rank"] for change in answer["changes"]] == [3, 5, 2]


def test_a_text_can_be_asked_for_and_changes_left_out(
    engine: FakeEngine, program: Program, folder: Path
) -> None:
    asked: list[DiagnosisRequest] = []

    def answer(request: DiagnosisRequest) -> Diagnosis:
        asked.append(request)
        return findings.diagnosis()

    found: list[SuggestionsRequest] = []

    def suggest(request: SuggestionsRequest) -> Suggestions:
        found.append(request)
        return findings.suggestions()

    engine.replies |= {DiagnosisRequest: answer, SuggestionsRequest: suggest}
    program("why", "ssh", "--text", "port 22", "-k", "3", "--no-changes", "--folder", folder)
    program("why", "ssh", "a.md:4", "--syntax", "--folder", folder)
    assert asked == [
        DiagnosisRequest(text="ssh", target=Target(text="port 22"), k=3),
        DiagnosisRequest(text="ssh", syntax="operators", target=Target(path="a.md", line=4)),
    ]
    assert found == [
        SuggestionsRequest(text="ssh", syntax="operators", target=Target(path="a.md", line=4))
    ]


def test_without_a_note_and_a_text_there_is_nothing_to_ask(
    engine: FakeEngine, program: Program, folder: Path
) -> None:
    ran = program("why", "ssh", "--folder", folder)
    assert (ran.status, ran.out) == (2, "")
    assert "name what you expected: PATH, PATH:LINE or --text" in ran.err
