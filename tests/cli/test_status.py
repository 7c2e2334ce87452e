"""`membrowse status` and `membrowse doctor`: what they print."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from membrowse.wire.engine import Pending, Progress
from tests.cli.conftest import Program
from tests.standin.engine import StandIn
from tests.standin.replies import going_through, state


def test_until_the_first_pass_ends_no_figure_is_final(
    engine: StandIn, program: Program, folder: Path
) -> None:
    reading = state(reading=True, pending=Pending(new=146), notes=0, generation=0)
    engine.replies |= going_through(reading)
    out = program("status", "--folder", folder).out
    assert "pending      Reading 146 notes…\n" in out
    assert "deleted" not in out


def test_status_tells_engine_index_and_pending(
    engine: StandIn, program: Program, folder: Path
) -> None:
    progress = Progress(phase="encoding", chunks_done=3, chunks_total=9)
    pending = Pending(new=1, changed=2, failed=3)
    engine.replies |= going_through(state(pending=pending, progress=progress))
    ran = program("status", "--folder", folder)
    assert ran.status == 0
    for part in (
        "process 4321 of ada since",
        "1 new, 2 changed, 0 deleted, 3 failed",
        "131 indexed, 4 not indexed (4 skipped)",
        "manifest 1.5 MB, keyword 900 B",
        "all-MiniLM-L6-v2, float32: ready",
        "85.0 MB of 2.1 GB",
        "inotify, watching",
        "encoding 3/9 chunks",
    ):
        assert part in ran.out


def test_status_says_when_an_index_outgrows_its_store(
    engine: StandIn, program: Program, folder: Path
) -> None:
    assert "docs scale" not in program("status", "--folder", folder).out
    engine.replies |= going_through(state(chunks=250_001))
    out = program("status", "--folder", folder).out
    assert "size         more than 250,000 chunks: see `membrowse docs scale`\n" in out


def test_status_as_json_is_the_engines(engine: StandIn, program: Program, folder: Path) -> None:
    answer = json.loads(program("status", "--folder", folder, "--json").out)
    assert answer["state"]["generation"] == 12
    assert answer["engine"]["pid"] == 4321
    assert answer["token_vectors"]["budget_bytes"] == 2_147_483_648


def examination(monkeypatch: pytest.MonkeyPatch, stdout: bytes, stderr: bytes, code: int) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[bytes]:
        assert command[:4] == [sys.executable, "-P", "-m", "membrowse.engine.health.doctor"]
        return subprocess.CompletedProcess(command, code, stdout, stderr)

    monkeypatch.setattr(subprocess, "run", run)


REPORT = {
    "healthy": False,
    "checks": [
        {"name": "folder", "state": "ok", "detail": "131 notes", "remedy": ""},
        {
            "name": "stores",
            "state": "problem",
            "detail": "3 ids \x1b[31m missing",
            "remedy": "membrowse index --rebuild",
        },
    ],
}


def test_doctor_shows_each_check_and_its_remedy(
    program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examination(monkeypatch, json.dumps(REPORT).encode(), b"", 1)
    ran = program("doctor", "--folder", folder)
    assert ran.status == 1
    assert "ok       folder  131 notes" in ran.out
    assert "PROBLEM  stores  3 ids ␛[31m missing" in ran.out
    assert "→ membrowse index --rebuild" in ran.out
    assert ran.out.endswith("not healthy: 1 problem\n")


def test_doctor_as_json_is_the_report(
    program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examination(monkeypatch, json.dumps(REPORT).encode(), b"noise", 1)
    ran = program("doctor", "--folder", folder, "--json")
    assert (ran.status, json.loads(ran.out)) == (1, REPORT)


def test_a_healthy_index_is_status_0(
    program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examination(monkeypatch, b'{"healthy": true, "checks": []}', b"", 0)
    ran = program("doctor", "--folder", folder)
    assert (ran.status, ran.out) == (0, "healthy\n")
    doubtful = b'{"healthy": true, "checks": [{"name": "a", "state": "warning", "detail": "b"}]}'
    examination(monkeypatch, doubtful, b"", 0)
    ran = program("doctor", "--folder", folder)
    assert (ran.status, ran.out.splitlines()[-1]) == (0, "healthy, with 1 warning")


def test_an_examination_that_dies_says_its_last_words(
    program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examination(monkeypatch, b"", b"Traceback\nMemoryError: no\n", -9)
    ran = program("doctor", "--folder", folder)
    assert (ran.status, ran.out) == (70, "")
    assert "MemoryError: no" in ran.err
