"""Scanning several roots: each by its own rules, none in the way of another."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from membrowse.notes import tree_scanner
from membrowse.notes.scanner import RootScan, ScannedFile, scan_root
from membrowse.notes.tree_scanner import TreeScanner
from membrowse.notes.tree_watch import TreeWatch
from membrowse.roots import Root, Roots
from membrowse.settings import NotesSettings
from membrowse.wire.notes import NoteState


@pytest.fixture
def tree(tmp_path: Path) -> Roots:
    """Two roots with notes, and a note that is a root."""
    for name in ("work", "team"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "a.md").write_text(name)
        (tmp_path / name / "b.txt").write_text(name)
    (tmp_path / "style.md").write_text("style")
    return Roots(
        tmp_path / "collection",
        [
            Root(tmp_path / "work", "work"),
            Root(tmp_path / "team", "team", ("*.md", "!/b.md")),
            Root(tmp_path / "style.md", "style.md"),
        ],
    )


def scan(tree: Roots) -> dict[str, ScannedFile]:
    return {file.path: file for file in TreeScanner(tree).scan(NotesSettings())}


def noted(found: dict[str, ScannedFile]) -> set[str]:
    return {path for path, file in found.items() if file.excluded is None}


def test_each_root_has_its_globs_and_its_ignore_files(tree: Roots, tmp_path: Path) -> None:
    (tmp_path / "team" / "b.md").write_text("b")
    (tmp_path / "work" / ".membrowseignore").write_text("/deep/\n")
    (tmp_path / "team" / ".membrowseignore").write_text("none\n")
    found = scan(tree)
    assert noted(found) == {"work/b.txt", "team/deep/a.md", "style.md"}
    assert found["team/b.txt"].reason == "not a note: notes are *.md, !/b.md"
    assert found["work/deep/"].reason.startswith("ignored by line 1 of work/.membrowseignore")
    assert not tree.unavailable


def test_a_missing_root_is_in_state_failed_and_the_others_are_read(
    tree: Roots, tmp_path: Path
) -> None:
    (tmp_path / "team").rename(tmp_path / "away")
    found = scan(tree)
    assert noted(found) == {"work/deep/a.md", "work/b.txt", "style.md"}
    assert found["team/"].excluded is NoteState.FAILED
    assert "cannot be listed: No such file or directory" in found["team/"].reason
    assert tree.unavailable == {"team"}
    (tmp_path / "away").rename(tmp_path / "team")
    assert "team/deep/a.md" in noted(scan(tree))
    assert not tree.unavailable


def test_a_slow_root_is_waited_for_once_and_used_when_it_is_there(
    tree: Roots, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()

    def slow(root: Root, settings: NotesSettings) -> RootScan:
        if root.name == "team":
            answered.wait(30)
        return scan_root(root, settings)

    monkeypatch.setattr(tree_scanner, "scan_root", slow)
    scanner = TreeScanner(tree, patience=0.2)
    for _ in range(2):
        found = {file.path: file for file in scanner.scan(NotesSettings())}
        assert noted(found) == {"work/deep/a.md", "work/b.txt", "style.md"}
        assert "was not listed within 0.2 s" in found["team/"].reason
    late = scanner._running["team"]
    answered.set()
    late.join(30)
    again = {file.path: file for file in scanner.scan(NotesSettings())}
    assert "team/deep/a.md" in noted(again)


def test_links_lead_out_of_a_root_into_no_other(tree: Roots, tmp_path: Path) -> None:
    (tmp_path / "work" / "team.md").symlink_to(tmp_path / "team" / "deep" / "a.md")
    assert scan(tree)["work/team.md"].reason.startswith("a link to outside the folder")


def test_a_file_in_two_roots_is_one_note(tree: Roots, tmp_path: Path) -> None:
    (tmp_path / "team" / "same.md").hardlink_to(tmp_path / "work" / "b.txt")
    found = scan(tree)
    assert found["work/b.txt"].same_as == "team/same.md"


def test_a_root_that_lies_in_another_by_a_link_is_not_read_twice(
    tree: Roots, tmp_path: Path
) -> None:
    (tmp_path / "again").symlink_to(tmp_path / "work" / "deep")
    both = Roots(tree.folder, [*tree, Root(tmp_path / "again", "again")])
    found = scan(both)
    assert "lies in the root work: it is not read twice" in found["again/"].reason
    assert "work/deep/a.md" in noted(found)


def test_changes_are_reported_as_paths_of_the_tree(tree: Roots, tmp_path: Path) -> None:
    seen: set[str] = set()
    changed = threading.Event()

    def on_paths(paths: frozenset[str]) -> None:
        seen.update(paths)
        if {"team/deep/a.md", "style.md"} <= seen:
            changed.set()

    (tmp_path / "work").rename(tmp_path / "away")
    watch = TreeWatch(tree, on_paths, settle=0.01, limit=0.1)
    for thread in watch._each(lambda each: each.start()):
        thread.join(10)
    try:
        assert watch.alive
        assert watch.message == "work: the folder is gone"
        (tmp_path / "team" / "deep" / "a.md").write_text("changed")
        fresh = tmp_path / ".style.tmp"
        fresh.write_text("replaced, as editors do")
        fresh.replace(tmp_path / "style.md")
        assert changed.wait(10), seen
    finally:
        watch.stop()
