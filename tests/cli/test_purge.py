"""`membrowse purge`: it asks, removes, and names what still contains the text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from membrowse.wire.engine import Purged, PurgeRequest
from tests.cli.conftest import Program
from tests.standin.engine import StandIn


@pytest.fixture
def asked(engine: StandIn) -> list[PurgeRequest]:
    """What the engine was asked to purge."""
    requests: list[PurgeRequest] = []

    def answer(request: PurgeRequest) -> Purged:
        requests.append(request)
        return Purged(entries=3, still_in=("a.md",) if request.text == "twice" else ())

    engine.replies[PurgeRequest] = answer
    return requests


@pytest.mark.parametrize(
    ("options", "request_"),
    [
        ((), PurgeRequest()),
        (("--text", "hunter2"), PurgeRequest(text="hunter2")),
        (("--note", "a/b.md"), PurgeRequest(note="a/b.md")),
        (("--before", "2026-03-02"), PurgeRequest(before="2026-03-02")),
    ],
)
def test_one_limit_is_sent(
    asked: list[PurgeRequest],
    program: Program,
    folder: Path,
    options: tuple[str, ...],
    request_: PurgeRequest,
) -> None:
    ran = program("purge", *options, "--yes", "--folder", folder)
    assert (ran.status, asked) == (0, [request_])
    assert "removed 3 changes" in ran.out
    assert "not touched" in ran.out


def test_a_note_that_still_contains_it_is_status_1(
    asked: list[PurgeRequest], program: Program, folder: Path
) -> None:
    ran = program("purge", "--text", "twice", "--yes", "--folder", folder)
    assert ran.status == 1
    assert "still in a.md" in ran.out
    ran = program("purge", "--text", "twice", "--yes", "--json", "--folder", folder)
    assert json.loads(ran.out) == {"schema": 1, "entries": 3, "still_in": ["a.md"]}


def test_nothing_is_removed_without_a_yes(
    asked: list[PurgeRequest],
    program: Program,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran = program("purge", "--folder", folder)
    assert (ran.status, asked) == (2, [])
    assert "--yes" in ran.err
    answers = iter((False, True))
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: next(answers))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert (program("purge", "--folder", folder).status, asked) == (2, [])
    assert (program("purge", "--folder", folder).status, asked) == (0, [PurgeRequest()])


def test_several_limits_or_a_bad_date_are_a_usage_error(
    asked: list[PurgeRequest], program: Program, folder: Path
) -> None:
    for options in (("--text", "a", "--note", "b.md"), ("--before", "yesterday")):
        assert program("purge", *options, "--yes", "--folder", folder).status == 2
    assert asked == []
