"""`membrowse index`: what it waits for, what it reports, how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from membrowse.client.readiness import is_current
from membrowse.presentation.lines import plain
from membrowse.presentation.progress import progress_line
from membrowse.wire.engine import (
    EncoderState,
    EngineState,
    Pending,
    Progress,
    RebuildRequest,
    ReindexRequest,
    Watcher,
)
from membrowse.wire.notes import FileRecord, FilesRequest, NoteState
from membrowse.wire.search import RankingState
from tests.cli.conftest import Program
from tests.standin.engine import StandIn
from tests.standin.replies import CHECKED, going_through, state

FAILED_ENCODER = EncoderState(state=RankingState.FAILED, name="m", message="model refused")


def test_a_report_says_what_is_indexed_and_what_failed(
    engine: StandIn, program: Program, folder: Path
) -> None:
    engine.replies[FilesRequest] = [
        FileRecord(path="a.md", state=NoteState.INDEXED),
        FileRecord(path="b\x1b.md", state=NoteState.FAILED, reason="permission denied"),
        FileRecord(path="c.bin", state=NoteState.SKIPPED, reason="binary"),
    ]
    ran = program("index", folder, "--json")
    report = json.loads(ran.out)
    assert ran.status == 0
    assert (report["schema"], report["notes"], report["chunks"]) == (1, 131, 992)
    assert report["failed"] == [{"path": "b\x1b.md", "reason": "permission denied"}]
    assert "not indexed: b␛.md: permission denied" in ran.err
    assert engine.reindexed == [ReindexRequest()]


def test_the_commands_after_it_know_the_folder(
    engine: StandIn, program: Program, folder: Path
) -> None:
    assert program("status").status == 2
    assert program("index", folder).status == 0
    ran = program("status")
    assert ran.status == 0
    assert f"folder: {folder} (opened last" in ran.err


def test_a_rebuild_is_asked_for_as_one(engine: StandIn, program: Program, folder: Path) -> None:
    ran = program("index", folder, "--rebuild")
    assert engine.reindexed == [RebuildRequest()]
    assert ran.out.startswith("131 notes, 992 chunks, 4 not indexed (0 failed) · generation 12 · ")


def test_a_folder_without_notes_is_status_1(
    engine: StandIn, program: Program, folder: Path
) -> None:
    engine.replies |= going_through(state(notes=0, chunks=0, encoded=0))
    assert program("index", folder).status == 1


def test_it_waits_for_the_answer_to_its_own_request(
    engine: StandIn, program: Program, folder: Path
) -> None:
    before = state(requested=3, started=2, generation=12)
    engine.replies |= going_through(before, before, state(requested=3, started=3, generation=13))
    assert json.loads(program("index", folder, "--json").out)["generation"] == 13


def test_an_old_problem_does_not_end_it(engine: StandIn, program: Program, folder: Path) -> None:
    engine.replies |= going_through(
        state(requested=1, started=0, problem="disk full", pending=Pending(new=1)),
        state(started=1),
    )
    assert program("index", folder).status == 0


def test_a_problem_that_lasts_is_status_3(engine: StandIn, program: Program, folder: Path) -> None:
    engine.replies |= going_through(state(problem="disk full: free some", pending=Pending(new=1)))
    ran = program("index", folder)
    assert ran.status == 3
    assert "disk full: free some" in ran.err


def test_an_engine_that_ends_meanwhile_is_status_3(
    engine: StandIn, program: Program, folder: Path
) -> None:
    engine.replies |= going_through(state(pending=Pending(new=1)))
    assert program("index", folder).status == 3


def test_without_the_right_to_index_it_is_refused(
    engine: StandIn, program: Program, folder: Path
) -> None:
    engine.rights = ()
    ran = program("index", folder)
    assert ran.status == 3
    assert "right to reindex" in ran.err


def test_missing_vectors_are_told(engine: StandIn, program: Program, folder: Path) -> None:
    engine.replies |= going_through(state(encoded=0, encoder=FAILED_ENCODER))
    ran = program("index", folder)
    assert ran.status == 0
    assert "992 chunks without a vector: model refused" in ran.err


@pytest.mark.parametrize(
    ("one", "current"),
    [
        (state(), True),
        (state(pending=Pending(failed=2)), True),
        (state(encoded=0, encoder=FAILED_ENCODER), True),
        (state(encoded=991), False),
        (state(pending=Pending(new=1)), False),
        (state(pending=Pending(changed=1)), False),
        (state(pending=Pending(deleted=1)), False),
        (state(progress=Progress(phase="scanning")), False),
        (state(stale="another encoder"), False),
        (state(watcher=Watcher(kind="none")), False),
        (state(watcher=CHECKED), True),
        (state(store="chroma:/db#notes", problem="/db: cannot be read"), False),
    ],
)
def test_current_means_compared_and_nothing_left_to_do(one: EngineState, current: bool) -> None:
    assert is_current(one) is current


def test_progress_is_a_bar_on_stderr_where_that_is_a_terminal(
    engine: StandIn, program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = Progress(phase="encoding", chunks_done=40, chunks_total=992)
    engine.replies |= going_through(state(progress=progress), state())
    assert "chunks" not in program("index", folder).err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    ran = program("index", folder, "--json")
    assert "40/992 chunks" in ran.err
    assert json.loads(ran.out)["chunks"] == 992


def test_progress_names_what_is_counted() -> None:
    reading = Progress(phase="reading", notes_done=3, notes_total=9)
    assert plain(progress_line(reading, 80)) == "reading 3/9 notes ━━━━──────── 33%"
    encoding = Progress(
        phase="encoding",
        notes_done=9,
        notes_total=9,
        chunks_done=40,
        chunks_total=100,
        chunks_per_second=93.6,
        seconds_left=61.2,
    )
    wanted = "encoding 40/100 chunks ━━━━━─────── 40% · 61 s left · 94 chunks/s"
    assert plain(progress_line(encoding, 80)) == wanted


def test_progress_names_the_model_that_is_loading() -> None:
    loading = Progress(phase="loading", chunks_total=100)
    assert plain(progress_line(loading, 80)) == "loading the model"
    preparing = Progress(phase="preparing", chunks_total=100, seconds=12.3)
    assert plain(progress_line(preparing, 80)) == "loading the model, 12 s (first run only)"
