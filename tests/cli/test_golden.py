"""`membrowse golden run`: a gate that a broken pin does not pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from membrowse.cli import golden_sheet
from membrowse.cli.sheet import Sheet
from membrowse.wire.pins import PinRun, PinsRequest
from tests.cli.conftest import Program
from tests.cli.hostile import HOSTILE, acts, filled
from tests.standin import replies as findings
from tests.standin.engine import StandIn as FakeEngine

HOLDING = findings.result("g01", 1)
FALLEN = findings.result("g02", 9, before=4)
LOST = findings.result("g03", None, problem="the text was edited away")


def page(run: PinRun, columns: int = 80) -> str:
    sheet = Sheet(columns)
    golden_sheet.fill(sheet, run)
    return sheet.text(styled=False)


def test_measures_come_first_and_then_each_broken_pin_with_rank_and_problem() -> None:
    text = page(findings.run(HOLDING, FALLEN, LOST))
    assert text.startswith("1 of 3 pins hold  generation 12\n")
    assert "  reranked   0.500  0.750  0.600" in text
    assert "  ✗ g02 #4 → #9 (k 5) · decisions/ssh.md\n" in text
    assert "keyword #2 · vector #1 · fused #3 · reranked #9" in text
    assert "  ✗ g03 no rank (k 5) · decisions/ssh.md\n" in text
    assert "! the text was edited away" in text
    assert "g01" not in text


def test_hostile_text_is_shown_and_does_nothing() -> None:
    assert not acts(page(filled(findings.run(FALLEN, LOST), HOSTILE)))


@pytest.mark.parametrize(
    ("results", "status"),
    [((HOLDING,), 0), ((HOLDING, FALLEN), 1), ((LOST,), 1), ((), 1)],
    ids=["all hold", "one fell", "one has no rank", "no pin"],
)
def test_the_status_is_1_unless_every_pin_holds(
    engine: FakeEngine, program: Program, folder: Path, results: tuple[object, ...], status: int
) -> None:
    engine.replies[PinsRequest] = findings.run(*results)  # type: ignore[arg-type]
    ran = program("golden", "run", "--folder", folder)
    assert ran.status == status
    assert ("no pin in /notes/golden.jsonl" in ran.err) is (not results)
    assert len(engine.reindexed) == 1


def test_json_counts_the_pins_and_has_every_result(
    engine: FakeEngine, program: Program, folder: Path
) -> None:
    engine.replies[PinsRequest] = findings.run(HOLDING, FALLEN)
    ran = program("golden", "run", "--folder", folder, "--json", "--no-wait")
    answer = json.loads(ran.out)
    assert (answer["schema"], answer["total"], answer["holding"]) == (1, 2, 1)
    assert answer["measures"]["reranked"]["recall_at_5"] == 0.75
    assert [one["rank"] for one in answer["results"]] == [1, 9]
    assert engine.reindexed == []


def test_a_file_is_read_here_and_its_pins_are_sent(
    engine: FakeEngine, program: Program, folder: Path, tmp_path: Path
) -> None:
    asked: list[PinsRequest] = []

    def answer(request: PinsRequest) -> PinRun:
        asked.append(request)
        problem = "line 3: Expected `str`, got `int` - at `$.query`"
        return findings.run(HOLDING, file=request.file, problems=(problem,))

    engine.replies[PinsRequest] = answer
    file = tmp_path / "pins.jsonl"
    file.write_text('{"query": "ssh port", "path": "a.md", "note": 7}\n\n{"query": 3}\n')
    ran = program("golden", "run", file, "--folder", folder, "--json")
    (request,) = asked
    assert (request.file, request.content) == (str(file), file.read_text())
    assert json.loads(ran.out)["file"] == str(file)
    assert ran.status == 2
    assert "line 3: Expected `str`, got `int` - at `$.query`" in ran.err


def test_a_file_without_any_pin_is_a_usage_error(
    engine: FakeEngine, program: Program, folder: Path, tmp_path: Path
) -> None:
    engine.replies[PinsRequest] = findings.run(problems=("line 1: JSON is malformed",))
    file = tmp_path / "pins.jsonl"
    file.write_text("what\n")
    ran = program("golden", "run", file, "--folder", folder)
    assert (ran.status, ran.out) == (2, "")
    assert "line 1: JSON is malformed" in ran.err
    ran = program("golden", "run", tmp_path / "none", "--folder", folder)
    assert (ran.status, ran.out) == (2, "")
    assert "cannot be read: No such file" in ran.err
