"""`membrowse pins`: a gate that a failing pin closes, and the pins of a folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from membrowse.client.engine import EngineRefused
from membrowse.wire.pins import AddPinRequest, PinRun, PinsRequest, RemovePinRequest, pin_line
from membrowse.wire.request import Problem
from membrowse.wire.search import Target
from tests.cli.conftest import Program
from tests.standin import replies
from tests.standin.engine import StandIn

PASSING = replies.result("g01", 1)
FALLEN = replies.result("g02", 9, before=4)
LOST = replies.result("g03", None, problem="the text was edited away")


@pytest.mark.parametrize(
    ("results", "status"),
    [((PASSING,), 0), ((PASSING, FALLEN), 1), ((LOST,), 1), ((), 1)],
    ids=["all pass", "one fell", "one has no rank", "no pin"],
)
def test_the_status_is_1_unless_every_pin_passes(
    engine: StandIn, program: Program, folder: Path, results: tuple[object, ...], status: int
) -> None:
    engine.replies[PinsRequest] = replies.run(*results)  # type: ignore[arg-type]
    ran = program("pins", "run", "--folder", folder)
    assert ran.status == status
    assert ("no pin in /notes/golden.jsonl" in ran.err) is (not results)
    assert len(engine.reindexed) == 1


def test_json_counts_the_pins_and_has_every_result(
    engine: StandIn, program: Program, folder: Path
) -> None:
    engine.replies[PinsRequest] = replies.run(PASSING, FALLEN)
    ran = program("pins", "run", "--folder", folder, "--json", "--no-wait")
    answer = json.loads(ran.out)
    assert (answer["schema"], answer["total"], answer["holding"]) == (1, 2, 1)
    assert answer["measures"]["reranked"]["recall_at_5"] == 0.75
    assert [one["rank"] for one in answer["results"]] == [1, 9]
    assert engine.reindexed == []


def test_a_file_is_read_here_and_its_pins_are_sent(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path
) -> None:
    asked: list[PinsRequest] = []

    def answer(request: PinsRequest) -> PinRun:
        asked.append(request)
        problem = "line 3: Expected `str`, got `int` - at `$.query`"
        return replies.run(PASSING, file=request.file, problems=(problem,))

    engine.replies[PinsRequest] = answer
    file = tmp_path / "pins.jsonl"
    file.write_text('{"query": "ssh port", "path": "a.md", "note": 7}\n\n{"query": 3}\n')
    ran = program("pins", "run", file, "--folder", folder, "--json")
    (request,) = asked
    assert (request.file, request.content) == (str(file), file.read_text())
    assert json.loads(ran.out)["file"] == str(file)
    assert ran.status == 2
    assert "line 3: Expected `str`, got `int` - at `$.query`" in ran.err


def test_a_file_without_any_pin_is_a_usage_error(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path
) -> None:
    engine.replies[PinsRequest] = replies.run(problems=("line 1: JSON is malformed",))
    file = tmp_path / "pins.jsonl"
    file.write_text("what\n")
    ran = program("pins", "run", file, "--folder", folder)
    assert (ran.status, ran.out) == (2, "")
    assert "line 1: JSON is malformed" in ran.err
    ran = program("pins", "run", tmp_path / "none", "--folder", folder)
    assert (ran.status, ran.out) == (2, "")
    assert "cannot be read: No such file" in ran.err


@pytest.mark.parametrize("kind", ["FIFO", "endless", "large"])
def test_only_a_regular_file_of_a_sensible_size_is_read(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "pins.jsonl"
    if kind == "FIFO":
        os.mkfifo(file)
    elif kind == "endless":
        file = Path("/dev/zero")
    else:
        file.write_bytes(b"\n" * 2_000_000)
    for command in ("pins run", "rerun"):
        ran = program(*command.split(), file, "--folder", folder)
        assert (ran.status, ran.out) == (2, "")
        assert kind == "large" or "not a regular file" in ran.err


def test_golden_run_is_the_same_command(engine: StandIn, program: Program, folder: Path) -> None:
    engine.replies[PinsRequest] = replies.run(PASSING, FALLEN)
    former = program("golden", "run", "--folder", folder, "--json")
    assert former == program("pins", "run", "--folder", folder, "--json")
    assert former.status == 1


def test_list_shows_every_pin_without_waiting_for_the_index(
    engine: StandIn, program: Program, folder: Path
) -> None:
    engine.replies[PinsRequest] = replies.run(PASSING, FALLEN)
    ran = program("pins", "list", "--folder", folder)
    assert (ran.status, ran.err, engine.reindexed) == (0, "", [])
    assert "g01" in ran.out and "g02" in ran.out
    answer = json.loads(program("pins", "list", "--folder", folder, "--json").out)
    assert (answer["schema"], answer["total"], answer["holding"]) == (1, 2, 1)
    engine.replies[PinsRequest] = replies.run()
    ran = program("pins", "list", "--folder", folder)
    assert (ran.status, ran.out) == (1, "")
    assert "no pin in /notes/golden.jsonl" in ran.err


def test_add_pins_a_query_to_a_place_or_a_text_and_shows_the_pin(
    engine: StandIn, program: Program, folder: Path
) -> None:
    asked: list[AddPinRequest] = []

    def answer(request: AddPinRequest) -> PinRun:
        asked.append(request)
        added = replies.result("p-1", 2, pin=replies.pin("p-1", query=request.text))
        return replies.run(PASSING, added)

    engine.replies[AddPinRequest] = answer
    ran = program("pins", "add", "which port?", "a.md:3", "-k", "3", "--syntax", "-f", folder)
    assert ran.status == 0
    assert "pinned in /notes/golden.jsonl" in ran.err
    assert "✓ passes    #2 " in ran.out and "id p-1" in ran.out and "g01" not in ran.out
    ran = program("pins", "add", "which port?", "--text", "port 22", "-f", folder, "--json")
    assert json.loads(ran.out)["results"][1]["pin"]["id"] == "p-1"
    place = Target(path="a.md", line=3)
    assert asked == [
        AddPinRequest(text="which port?", syntax="operators", target=place, k=3),
        AddPinRequest(text="which port?", target=Target(text="port 22")),
    ]
    assert program("pins", "add", "which port?", "-f", folder).status == 2


def test_remove_takes_an_id_and_tells_how_many_are_left(
    engine: StandIn, program: Program, folder: Path
) -> None:
    asked: list[RemovePinRequest] = []

    def answer(request: RemovePinRequest) -> PinRun:
        asked.append(request)
        return replies.run(PASSING)

    engine.replies[RemovePinRequest] = answer
    ran = program("pins", "remove", "g02", "--folder", folder)
    assert (ran.status, ran.out, asked) == (0, "", [RemovePinRequest(id="g02")])
    assert "removed; 1 pin left in /notes/golden.jsonl" in ran.err
    assert json.loads(program("pins", "remove", "g02", "-f", folder, "--json").out)["total"] == 1


def test_export_writes_the_pins_to_a_new_file_or_prints_them(
    engine: StandIn, program: Program, folder: Path, tmp_path: Path
) -> None:
    engine.replies[PinsRequest] = replies.run(PASSING, FALLEN)
    file = tmp_path / "golden.jsonl"
    ran = program("pins", "export", file, "--folder", folder)
    assert (ran.status, ran.out) == (0, "")
    assert ran.err == f"membrowse: 2 pins written to {file}\n"
    lines = file.read_bytes().splitlines()
    assert lines == [pin_line(PASSING.pin), pin_line(FALLEN.pin)]
    printed = program("pins", "export", "--folder", folder)
    assert (printed.status, printed.out.encode()) == (0, file.read_bytes())
    again = program("pins", "export", file, "--folder", folder)
    assert again.status == 2 and "exists already" in again.err
    assert file.read_bytes().splitlines() == lines
    nowhere = program("pins", "export", tmp_path / "no" / "pins.jsonl", "--folder", folder)
    assert nowhere.status == 2 and "cannot be written" in nowhere.err
    engine.replies[PinsRequest] = replies.run()
    ran = program("pins", "export", tmp_path / "none.jsonl", "--folder", folder)
    assert ran.status == 1 and not (tmp_path / "none.jsonl").exists()


@pytest.mark.parametrize(("status", "ended"), [(404, 1), (403, 3), (409, 3)])
def test_what_cannot_be_changed_is_said(
    engine: StandIn, program: Program, folder: Path, status: int, ended: int
) -> None:
    def refuse(_: object) -> PinRun:
        raise EngineRefused(Problem(message="no pin called x"), status)

    engine.replies |= {RemovePinRequest: refuse, AddPinRequest: refuse}
    for arguments in (("remove", "x"), ("add", "query", "a.md")):
        ran = program("pins", *arguments, "--folder", folder)
        assert (ran.status, ran.out, ran.err) == (ended, "", "membrowse: no pin called x\n")


def test_what_is_not_final_is_no_verdict(engine: StandIn, program: Program, folder: Path) -> None:
    early = replace(replies.run(PASSING, LOST), provisional="84 notes still to read")
    engine.replies[PinsRequest] = early
    ran = program("pins", "run", "--no-wait", "--folder", folder)
    assert ran.status == 3
    assert "not final: 84 notes still to read" in ran.err
    assert "fails" not in ran.out and "so far" in ran.out
