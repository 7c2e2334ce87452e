"""Watches on a real folder."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from membrowse.notes import watchdog_observers, watcher
from membrowse.notes.reader import read_file
from membrowse.notes.watcher import FOLDER, FolderWatch, is_noise, watch_scope
from membrowse.roots import Roots
from membrowse.settings import NotesSettings
from tests.notes.folder_scan import scan_folder
from tests.notes.watch_recorder import Reports, Watched, watched
from tests.waiting import DEADLINE_SECONDS, until

pytestmark = pytest.mark.usefixtures("quick_watches")


@pytest.fixture(params=["native", "polling"])
def setting(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watched]:
    """A watched folder with a note and a subfolder in it."""
    folder = tmp_path / "memory"
    (folder / "sub").mkdir(parents=True)
    (folder / "note.md").write_text("as it was")
    (folder / "sub" / "inner.md").write_text("inner")
    setting = watched(folder, polling=request.param == "polling")
    yield setting
    setting[1].stop()


def write_until_reported(folder: Path, reports: Reports, name: str) -> None:
    """A change while an observer is replaced is only reported as the whole folder's."""

    def reported() -> bool:
        with (folder / name).open("a") as stream:
            stream.write("once more\n")
        return name in reports.paths

    until(reported, name)


def test_a_watch_describes_itself(setting: Watched) -> None:
    _, watch, _ = setting
    assert watch.alive
    assert watch.kind in ("inotify", "fsevents", "polling")
    assert (watch.message, watch.last_event) == ("", None)
    watch.stop()
    assert not watch.alive
    assert watch.kind == "none"


def test_every_kind_of_file_change_is_reported(setting: Watched, tmp_path: Path) -> None:
    folder, watch, reports = setting
    (folder / "new.md").write_text("new")
    reports.wait_for("new.md")
    reports.clear()
    (folder / "note.md").write_text("written again, longer")
    reports.wait_for("note.md")
    reports.clear()
    (folder / "note.tmp").write_text("replaced, with yet another length")
    (folder / "note.tmp").replace(folder / "note.md")
    reports.wait_for("note.md")
    reports.clear()
    (folder / "new.md").rename(folder / "sub" / "renamed.md")
    reports.wait_for("new.md", "sub/renamed.md")
    reports.clear()
    (folder / "sub" / "renamed.md").rename(tmp_path / "out.md")
    reports.wait_for("sub/renamed.md")
    reports.clear()
    (tmp_path / "out.md").rename(folder / "back.md")
    reports.wait_for("back.md")
    reports.clear()
    (folder / "back.md").unlink()
    reports.wait_for("back.md")
    assert watch.last_event is not None
    assert abs(watch.last_event - time.time()) < DEADLINE_SECONDS


def test_created_moved_and_deleted_folders_are_reported(setting: Watched, tmp_path: Path) -> None:
    folder, _, reports = setting
    (tmp_path / "other" / "deep").mkdir(parents=True)
    (tmp_path / "other" / "deep" / "a.md").write_text("a")
    (tmp_path / "other").rename(folder / "moved-in")
    reports.wait_for("moved-in")
    (folder / "moved-in" / "deep" / "a.md").write_text("written after the move")
    reports.wait_for("moved-in/deep/a.md")
    reports.clear()
    (folder / "moved-in").rename(folder / "elsewhere")
    reports.wait_for("moved-in", "elsewhere")
    reports.clear()
    (folder / "elsewhere" / "deep" / "a.md").write_text("written after another move")
    reports.wait_for("elsewhere/deep/a.md")
    reports.clear()
    (folder / "elsewhere").rename(tmp_path / "gone")
    reports.wait_for("elsewhere")
    reports.clear()
    shutil.rmtree(folder / "sub")
    reports.wait_for("sub", "sub/inner.md")
    (folder / "made" / "by" / "hand").mkdir(parents=True)
    (folder / "made" / "by" / "hand" / "b.md").write_text("b")
    reports.wait_for("made/by/hand/b.md")


def test_an_editors_save_is_reported_without_temporary_files(setting: Watched) -> None:
    folder, _, reports = setting
    (folder / "4913").touch()
    (folder / "4913").unlink()
    (folder / ".note.md.swp").write_text("swap")
    (folder / "note.md").rename(folder / "note.md~")
    (folder / "note.md").write_text("saved by an editor")
    (folder / "note.md~").unlink()
    (folder / ".note.md.swp").unlink()
    (folder / "#note.md#").write_text("autosave")
    reports.wait_for("note.md")
    (folder / "last.md").touch()
    reports.wait_for("last.md")
    assert reports.paths == {"note.md", "last.md"}


@pytest.mark.parametrize(
    ("path", "noise"),
    [
        ("a.md", False),
        ("sub/4913", True),
        ("note.md~", True),
        (".git/index", True),
        ("sub/.hidden/a.md", True),
        (".membrowseignore", False),
        ("sub/.gitignore", False),
        (".git/.gitignore", True),
        ("a..md", False),
    ],
)
def test_hidden_files_are_noise_but_ignore_files_are_not(path: str, noise: bool) -> None:
    assert is_noise(path) is noise


def test_reading_and_listing_report_nothing(setting: Watched) -> None:
    folder, _, reports = setting
    for _ in range(3):
        scan_folder(folder, NotesSettings())
        read_file(Roots.of_folder(folder), "note.md", NotesSettings())
    (folder / "last.md").touch()
    reports.wait_for("last.md")
    assert reports.paths == {"last.md"}


def test_a_continuously_written_file_is_reported(setting: Watched) -> None:
    folder, _, reports = setting
    enough = threading.Event()

    def write() -> None:
        while not enough.wait(0.01):
            with (folder / "log.md").open("a") as stream:
                stream.write("line\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until(lambda: sum("log.md" in paths for paths in reports.calls) >= 2)
    finally:
        enough.set()
        writer.join()


def test_links_are_not_followed(setting: Watched, tmp_path: Path) -> None:
    folder, watch, reports = setting
    (tmp_path / "outside").mkdir()
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to(folder)
    reports.wait_for("link", "loop")
    watch.restart()
    reports.wait_for(FOLDER)
    reports.clear()
    (tmp_path / "outside" / "a.md").write_text("a")
    (folder / "last.md").touch()
    reports.wait_for("last.md")
    assert reports.paths <= {"last.md", FOLDER}


def test_a_folder_reached_by_a_link_is_watched(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    _, watch, reports = watched(tmp_path / "link")
    (tmp_path / "link" / "a.md").write_text("a")
    reports.wait_for("a.md")
    watch.stop()


def test_a_folder_may_vanish_and_come_back(setting: Watched, tmp_path: Path) -> None:
    folder, watch, reports = setting
    for remove in (lambda: shutil.rmtree(folder), lambda: folder.rename(tmp_path / "aside")):
        remove()
        until(lambda: not watch.alive and watch.message == "the folder is gone")
        reports.wait_for(FOLDER)
        reports.clear()
        folder.mkdir()
        until(lambda: watch.alive)
        reports.wait_for(FOLDER)
        (folder / "again.md").write_text("again")
        reports.wait_for("again.md")
        assert watch.message == ""
        reports.clear()


def test_a_folder_replaced_at_once_is_watched_again(setting: Watched, tmp_path: Path) -> None:
    folder, watch, reports = setting
    (tmp_path / "other").mkdir()
    folder.rename(tmp_path / "aside")
    (tmp_path / "other").rename(folder)
    reports.wait_for(FOLDER)
    until(lambda: watch.alive)
    write_until_reported(folder, reports, "a.md")


def test_a_missing_folder_is_awaited(tmp_path: Path) -> None:
    folder, watch, reports = watched(tmp_path / "later")
    assert not watch.alive
    assert watch.message == "the folder is gone"
    folder.mkdir()
    until(lambda: watch.alive)
    (folder / "a.md").write_text("a")
    reports.wait_for("a.md")
    watch.stop()


def test_a_dead_observer_is_replaced_and_the_restart_recorded(
    setting: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, watch, reports = setting
    observer, observe = watch._observer, watch._observe
    assert observer is not None
    during: list[float | None] = []

    def recorded() -> None:
        during.append(watch.restarted_at)
        observe()
        during.append(watch.restarted_at)

    monkeypatch.setattr(watch, "_observe", recorded)
    for emitter in observer.emitters.copy():
        emitter.stop()
    reports.wait_for(FOLDER)
    assert during == [None, None]
    assert watch.restarted_at is not None and watch.restarts == 1
    assert watch.alive
    (folder / "a.md").write_text("a")
    reports.wait_for("a.md")


def test_a_restart_reports_the_whole_folder(setting: Watched) -> None:
    folder, watch, reports = setting
    watch.restart()
    assert watch.alive
    reports.wait_for(FOLDER)
    (folder / "a.md").write_text("a")
    reports.wait_for("a.md")


def test_a_failing_callback_is_reported_and_the_watch_continues(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reports = Reports()

    def on_paths(paths: frozenset[str]) -> None:
        reports(paths)
        raise RuntimeError("no room")

    watch = FolderWatch(tmp_path, on_paths, settle=0.05, limit=0.5)
    watch.start()
    (tmp_path / "a.md").write_text("a")
    reports.wait_for("a.md")
    (tmp_path / "b.md").write_text("b")
    reports.wait_for("b.md")
    assert watch.alive
    assert "no room" in watch.message
    assert "no room" in caplog.text
    watch.stop()


def open_files() -> int:
    """Number of open files, where the system tells."""
    listing = Path("/proc/self/fd")
    return len(list(listing.iterdir())) if listing.exists() else 0


@pytest.mark.parametrize("polling", [False, True])
def test_stopping_waits_for_no_look_and_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, polling: bool
) -> None:
    monkeypatch.setattr(watcher, "HEARTBEAT", 3600.0)
    monkeypatch.setattr(watchdog_observers, "POLL_SECONDS", 3600.0)
    open_before = open_files()
    for _ in range(5):
        _, watch, _ = watched(tmp_path, polling=polling)
        watch.start()
        watch.stop()
        watch.stop()
    assert open_files() <= open_before


def test_linked_folders_and_files_outside_are_watched(setting: Watched, tmp_path: Path) -> None:
    folder, watch, reports = setting
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for name in ("outside/c.md", "outside/deep/d.md", "elsewhere/e.md", "elsewhere/f.md"):
        (tmp_path / name).write_text("first")
    (folder / "linked").symlink_to(outside)
    (folder / "sub" / "e.md").symlink_to(tmp_path / "elsewhere" / "e.md")
    settings = NotesSettings(follow=(str(outside), str(tmp_path / "elsewhere")))
    scope = watch_scope(scan_folder(folder, settings))
    assert scope.links == {
        str(outside): "linked",
        str(tmp_path / "elsewhere" / "e.md"): "sub/e.md",
    }
    watch.set_scope(scope)
    until(lambda: watch.alive)
    (outside / "deep" / "d.md").write_text("second, longer")
    (outside / "new.md").write_text("new")
    (tmp_path / "elsewhere" / "f.md").write_text("of no interest")
    (tmp_path / "elsewhere" / "e.md").write_text("second, longer")
    reports.wait_for("linked/deep/d.md", "linked/new.md", "sub/e.md")
    assert not any("f.md" in path for path in reports.paths)
    watch.restart()
    until(lambda: watch.alive)
    reports.clear()
    (outside / "c.md").write_text("third, longer")
    reports.wait_for("linked/c.md")


def test_a_hidden_folder_that_a_rule_brings_in_is_watched(setting: Watched) -> None:
    folder, watch, reports = setting
    (folder / ".claude" / "agents").mkdir(parents=True)
    (folder / ".claude" / "agents" / "a.md").write_text("first")
    (folder / ".other").mkdir()
    (folder / ".membrowseignore").write_text("!.claude/\n")
    watch.set_scope(watch_scope(scan_folder(folder, NotesSettings())))
    reports.clear()
    (folder / ".other" / "x.md").write_text("of no interest")
    (folder / ".claude" / ".x.swp").write_text("of no interest")
    (folder / ".claude" / "agents" / "a.md").write_text("second, longer")
    reports.wait_for(".claude/agents/a.md")
    assert not any(path.endswith((".swp", "x.md")) for path in reports.paths)


def test_a_linked_folder_that_vanishes_does_not_end_the_watch(
    setting: Watched, tmp_path: Path
) -> None:
    folder, watch, reports = setting
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "c.md").write_text("first")
    (folder / "linked").symlink_to(outside)
    settings = NotesSettings(follow=(str(outside),))
    watch.set_scope(watch_scope(scan_folder(folder, settings)))
    shutil.rmtree(outside)
    watch.set_scope(watch_scope(scan_folder(folder, settings)))
    write_until_reported(folder, reports, "note.md")
    until(lambda: watch.alive)


def test_polling_ends_when_the_system_can_watch_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "NATIVE_AGAIN", 0.1)
    monkeypatch.setattr(watcher, "HEARTBEAT", 0.1)
    able = threading.Event()
    observe = FolderWatch._observe_natively

    def natively(watch: FolderWatch) -> bool:
        return able.is_set() and observe(watch)

    monkeypatch.setattr(FolderWatch, "_observe_natively", natively)
    _, watch, _ = watched(tmp_path)
    try:
        assert watch.kind == "polling"
        able.set()
        until(lambda: watch.kind != "polling" and watch.alive)
        assert watch.message == ""
    finally:
        watch.stop()
