"""Scanning several roots: each by its own rules, none in the way of another."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from membrowse.notes import tree_scanner
from membrowse.notes.root_access import RootAccess
from membrowse.notes.scanner import RootScan, ScannedFile, saved_note, scan_root
from membrowse.notes.tree_scanner import TreeScanner
from membrowse.notes.tree_watch import TreeWatch
from membrowse.notes.watcher import FOLDER
from membrowse.roots import Root, Roots
from membrowse.settings import NotesSettings
from membrowse.wire.notes import NoteState
from tests.waiting import DEADLINE_SECONDS


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
            answered.wait(DEADLINE_SECONDS)
        return scan_root(root, settings)

    monkeypatch.setattr(tree_scanner, "scan_root", slow)
    scanner = TreeScanner(tree, patience=2.0)
    for _ in range(2):
        found = {file.path: file for file in scanner.scan(NotesSettings())}
        assert noted(found) == {"work/deep/a.md", "work/b.txt", "style.md"}
        assert "was not listed within 2 s" in found["team/"].reason
    late = scanner._running["team"]
    answered.set()
    late.join(DEADLINE_SECONDS)
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
        thread.join(DEADLINE_SECONDS)
    try:
        assert watch.alive
        assert watch.message == "work: the folder is gone"
        (tmp_path / "team" / "deep" / "a.md").write_text("changed")
        fresh = tmp_path / ".style.tmp"
        fresh.write_text("replaced, as editors do")
        fresh.replace(tmp_path / "style.md")
        assert changed.wait(DEADLINE_SECONDS), seen
    finally:
        watch.stop()


def test_saved_notes_are_known_without_a_scan(tree: Roots, tmp_path: Path) -> None:
    found = scan(tree)
    (tmp_path / "work" / "deep" / "a.md").write_text("longer than before")
    (tmp_path / "fresh").write_text("replaced as editors do")
    (tmp_path / "fresh").replace(tmp_path / "style.md")
    paths = ["work/deep/a.md", "style.md", "work/deep/a.md.tmp"]
    saved = TreeScanner(tree).saved(paths, found, NotesSettings())
    assert saved is not None
    assert saved == {path: scan(tree)[path] for path in paths[:2]}
    assert saved["style.md"] != found["style.md"]


def change_nothing_known(work: Path) -> str:
    (work / "new.md").write_text("new")
    return "work/new.md"


def remove(work: Path) -> str:
    (work / "b.txt").unlink()
    return "work/b.txt"


def link_hard(work: Path) -> str:
    (work / "c.txt").hardlink_to(work / "b.txt")
    return "work/b.txt"


def link(work: Path) -> str:
    (work / "b.txt").rename(work.parent / "b.txt")
    (work / "b.txt").symlink_to(work.parent / "b.txt")
    return "work/b.txt"


def link_its_folder(work: Path) -> str:
    (work / "deep").rename(work.parent / "deep")
    (work / "deep").symlink_to(work.parent / "deep")
    return "work/deep/a.md"


def remove_its_folder(work: Path) -> str:
    shutil.rmtree(work / "deep")
    return "work/deep"


def grow(work: Path) -> str:
    (work / "b.txt").write_text("x" * 2000)
    return "work/b.txt"


def become_a_folder(work: Path) -> str:
    (work / "b.txt").unlink()
    (work / "b.txt").mkdir()
    return "work/b.txt"


def change_the_rules(work: Path) -> str:
    (work / ".membrowseignore").write_text("deep/\n")
    return "work/.membrowseignore"


def lose_events(work: Path) -> str:
    return "work"


def leave_the_tree(work: Path) -> str:
    return "elsewhere/a.md"


@pytest.mark.parametrize(
    "change",
    [
        change_nothing_known,
        remove,
        link_hard,
        link,
        link_its_folder,
        remove_its_folder,
        grow,
        become_a_folder,
        change_the_rules,
        lose_events,
        leave_the_tree,
    ],
    ids=lambda change: change.__name__,
)
def test_anything_else_needs_a_scan(
    tree: Roots, tmp_path: Path, change: Callable[[Path], str]
) -> None:
    (tmp_path / "work" / ".membrowseignore").write_text("none\n")
    found = scan(tree)
    path = change(tmp_path / "work")
    settings = NotesSettings(max_bytes=1000)
    assert TreeScanner(tree).saved(["work/deep/a.md", path], found, settings) is None


def test_a_root_that_vanishes_is_more_than_a_saved_note(tree: Roots, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    roots = Roots(tree.folder, [*tree, Root(tmp_path / "empty", "empty")])
    found = scan(roots)
    (tmp_path / "empty").rmdir()
    assert TreeScanner(roots).saved(["empty"], found, NotesSettings()) is None

    one = Roots(tmp_path / "work", [Root(tmp_path / "work")])
    found = scan(one)
    (tmp_path / "work").rename(tmp_path / "away")
    assert TreeScanner(one).saved([FOLDER], found, NotesSettings()) is None


def test_a_saved_note_whose_disk_hangs_holds_up_no_other_root(
    tree: Roots, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, answers = scan(tree), threading.Event()

    def hanging(root: Root, settings: NotesSettings, known: ScannedFile) -> ScannedFile | None:
        if root.name == "team":
            answers.wait(DEADLINE_SECONDS)
        return saved_note(root, settings, known)

    monkeypatch.setattr(tree_scanner, "saved_note", hanging)
    access = RootAccess(tree, patience=2.0)
    scanner, settings = TreeScanner(tree, access), NotesSettings()
    try:
        assert scanner.saved(["team/deep/a.md"], found, settings) is None
        assert access.stuck("team").startswith("its disk does not answer: team/deep/a.md")
        assert scanner.saved(["work/deep/a.md"], found, settings) is not None
        assert noted({file.path: file for file in scanner.scan(settings)}) == {
            "work/deep/a.md",
            "work/b.txt",
            "style.md",
        }
    finally:
        answers.set()
