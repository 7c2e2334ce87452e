"""Targets as typed: paths, lines, texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.targets import parse_target
from membrowse.wire.search import Target


@pytest.fixture
def notes(folder: Path) -> Path:
    for name in ("MEMORY.md", "logs/a.md", "odd:12", "odd"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x\n")
    return folder


@pytest.mark.parametrize(
    ("place", "target"),
    [
        ("MEMORY.md", Target(path="MEMORY.md")),
        ("MEMORY.md:7", Target(path="MEMORY.md", line=7)),
        ("logs/a.md:31-34", Target(path="logs/a.md", line=31)),
        ("./logs/../logs/a.md", Target(path="logs/a.md")),
        ("odd:12", Target(path="odd:12")),
        ("odd:12:3", Target(path="odd:12", line=3)),
        ("odd:13", Target(path="odd", line=13)),
        ("not/there.md:2", Target(path="not/there.md", line=2)),
    ],
)
def test_a_place_is_a_path_with_or_without_a_line(notes: Path, place: str, target: Target) -> None:
    assert parse_target(notes, place) == target
    assert parse_target(notes, str(notes / place)) == target


def test_a_path_may_be_relative_to_the_current_directory_in_the_folder(
    notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(notes / "logs")
    assert parse_target(notes, "a.md:2") == Target(path="logs/a.md", line=2)
    assert parse_target(notes, "MEMORY.md").path == "MEMORY.md"


def test_a_folder_reached_through_a_link_is_the_same_folder(notes: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(notes)
    assert parse_target(link, str(notes / "MEMORY.md")).path == "MEMORY.md"
    assert parse_target(notes, str(link / "MEMORY.md")).path == "MEMORY.md"


@pytest.mark.parametrize("place", ["/etc/passwd", "../x.md", "MEMORY.md:0", ".", "", "\udcff.md"])
def test_what_is_no_place_in_the_folder_is_a_usage_error(notes: Path, place: str) -> None:
    with pytest.raises(Stop) as stop:
        parse_target(notes, place)
    assert stop.value.exit is Exit.USAGE


def test_a_text_is_enough() -> None:
    assert parse_target(Path("/notes"), None, "port 22") == Target(text="port 22")
