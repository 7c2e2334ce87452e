"""The copy of the demo memory: complete, updated by releases, never against the person."""

from __future__ import annotations

from pathlib import Path

import pytest

from membrowse import paths
from membrowse.cli import demo_memory


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    source = tmp_path / "release"
    (source / "logs").mkdir(parents=True)
    (source / "MEMORY.md").write_text("one")
    (source / "logs" / "day.md").write_text("day one")
    monkeypatch.setattr(demo_memory, "_source", lambda: source)
    return source


def updated() -> Path:
    return demo_memory.update(lambda _: None)


def test_the_released_demo_is_copied_whole() -> None:
    copy = updated()
    assert (copy / "MEMORY.md").read_bytes()
    assert len(list(copy.rglob("*.md"))) >= 80
    assert copy == paths.data_dir() / "demo-memory"


def test_a_first_copy_says_where_it_is(release: Path) -> None:
    said: list[str] = []
    copy = demo_memory.update(said.append)
    demo_memory.update(said.append)
    assert [str(copy) in line for line in said] == [True]


def test_a_release_adds_and_updates_what_the_person_left_alone(release: Path) -> None:
    copy = updated()
    (release / "MEMORY.md").write_text("two")
    (release / "new.md").write_text("new")
    updated()
    assert (copy / "MEMORY.md").read_text() == "two"
    assert (copy / "new.md").read_text() == "new"


def test_what_the_person_edited_stays_over_releases(release: Path) -> None:
    copy = updated()
    (copy / "MEMORY.md").write_text("mine")
    for text in ("two", "three"):
        (release / "MEMORY.md").write_text(text)
        updated()
        assert (copy / "MEMORY.md").read_text() == "mine"


def test_what_the_person_deleted_stays_deleted(release: Path) -> None:
    copy = updated()
    (copy / "logs" / "day.md").unlink()
    (copy / "logs").rmdir()
    updated()
    assert not (copy / "logs").exists()


def test_what_the_person_wrote_is_not_overwritten_by_a_new_file(release: Path) -> None:
    copy = updated()
    (copy / "mine.md").write_text("mine")
    (release / "mine.md").write_text("theirs")
    updated()
    assert (copy / "mine.md").read_text() == "mine"


def test_a_link_is_the_persons_and_not_written_through(release: Path, tmp_path: Path) -> None:
    copy = updated()
    elsewhere = tmp_path / "elsewhere.md"
    elsewhere.write_text("one")
    (copy / "MEMORY.md").unlink()
    (copy / "MEMORY.md").symlink_to(elsewhere)
    (release / "MEMORY.md").write_text("two")
    updated()
    assert elsewhere.read_text() == "one"


def test_a_copy_that_was_thrown_away_is_made_again(release: Path) -> None:
    copy = updated()
    for file in copy.rglob("*.md"):
        file.unlink()
    (copy / "logs").rmdir()
    copy.rmdir()
    assert (updated() / "logs" / "day.md").read_text() == "day one"


def test_nothing_is_written_when_nothing_changed(release: Path) -> None:
    copy = updated()
    before = {path: path.stat().st_mtime_ns for path in copy.parent.rglob("*")}
    updated()
    assert {path: path.stat().st_mtime_ns for path in copy.parent.rglob("*")} == before
