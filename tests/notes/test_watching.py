"""A real folder, really watched."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from membrowse.notes.reader import read
from membrowse.notes.scanner import scan
from membrowse.notes.watcher import FOLDER, FolderWatch, is_noise
from membrowse.settings import NotesSettings
from tests.notes.watched import DEADLINE, Told, Watched, until, watched

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


def test_a_watch_says_what_it_is(setting: Watched) -> None:
    _, watch, _ = setting
    assert watch.alive
    assert watch.kind in ("inotify", "fsevents", "polling")
    assert (watch.message, watch.last_event) == ("", None)
    watch.stop()
    assert not watch.alive
    assert watch.kind == "none"


def test_every_way_to_change_a_file_is_seen(setting: Watched, tmp_path: Path) -> None:
    folder, watch, told = setting
    (folder / "new.md").write_text("new")
    told.wait_for("new.md")
    told.clear()
    (folder / "note.md").write_text("written again, longer")
    told.wait_for("note.md")
    told.clear()
    (folder / "note.tmp").write_text("replaced, with yet another length")
    (folder / "note.tmp").replace(folder / "note.md")
    told.wait_for("note.md")
    told.clear()
    (folder / "new.md").rename(folder / "sub" / "renamed.md")
    told.wait_for("new.md", "sub/renamed.md")
    told.clear()
    (folder / "sub" / "renamed.md").rename(tmp_path / "out.md")
    told.wait_for("sub/renamed.md")
    told.clear()
    (tmp_path / "out.md").rename(folder / "back.md")
    told.wait_for("back.md")
    told.clear()
    (folder / "back.md").unlink()
    told.wait_for("back.md")
    assert watch.last_event is not None
    assert abs(watch.last_event - time.time()) < DEADLINE


def test_folders_that_come_go_and_move_are_seen(setting: Watched, tmp_path: Path) -> None:
    folder, _, told = setting
    (tmp_path / "other" / "deep").mkdir(parents=True)
    (tmp_path / "other" / "deep" / "a.md").write_text("a")
    (tmp_path / "other").rename(folder / "moved-in")
    told.wait_for("moved-in")
    (folder / "moved-in" / "deep" / "a.md").write_text("written after the move")
    told.wait_for("moved-in/deep/a.md")
    told.clear()
    (folder / "moved-in").rename(folder / "elsewhere")
    told.wait_for("moved-in", "elsewhere")
    told.clear()
    (folder / "elsewhere" / "deep" / "a.md").write_text("written after another move")
    told.wait_for("elsewhere/deep/a.md")
    told.clear()
    (folder / "elsewhere").rename(tmp_path / "gone")
    told.wait_for("elsewhere")
    told.clear()
    shutil.rmtree(folder / "sub")
    told.wait_for("sub", "sub/inner.md")
    (folder / "made" / "by" / "hand").mkdir(parents=True)
    (folder / "made" / "by" / "hand" / "b.md").write_text("b")
    told.wait_for("made/by/hand/b.md")


def test_an_editor_s_save_is_seen_without_its_noise(setting: Watched) -> None:
    folder, _, told = setting
    (folder / "4913").touch()
    (folder / "4913").unlink()
    (folder / ".note.md.swp").write_text("swap")
    (folder / "note.md").rename(folder / "note.md~")
    (folder / "note.md").write_text("saved by an editor")
    (folder / "note.md~").unlink()
    (folder / ".note.md.swp").unlink()
    (folder / "#note.md#").write_text("autosave")
    told.wait_for("note.md")
    (folder / "last.md").touch()
    told.wait_for("last.md")
    assert told.paths == {"note.md", "last.md"}


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


def test_reading_and_listing_are_no_changes(setting: Watched) -> None:
    folder, _, told = setting
    for _ in range(3):
        scan(folder, NotesSettings())
        read(folder, "note.md", NotesSettings())
    (folder / "last.md").touch()
    told.wait_for("last.md")
    assert told.paths == {"last.md"}


def test_a_file_written_without_pause_is_told_of_all_the_same(setting: Watched) -> None:
    folder, _, told = setting
    enough = threading.Event()

    def write() -> None:
        while not enough.wait(0.01):
            with (folder / "log.md").open("a") as stream:
                stream.write("line\n")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        until(lambda: sum("log.md" in paths for paths in told.calls) >= 2)
    finally:
        enough.set()
        writer.join()


def test_links_are_not_followed_out(setting: Watched, tmp_path: Path) -> None:
    folder, watch, told = setting
    (tmp_path / "outside").mkdir()
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to(folder)
    told.wait_for("link", "loop")
    watch.restart()
    told.wait_for(FOLDER)
    told.clear()
    (tmp_path / "outside" / "a.md").write_text("a")
    (folder / "last.md").touch()
    told.wait_for("last.md")
    assert told.paths <= {"last.md", FOLDER}


def test_a_folder_reached_by_a_link_is_watched(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    _, watch, told = watched(tmp_path / "link")
    (tmp_path / "link" / "a.md").write_text("a")
    told.wait_for("a.md")
    watch.stop()


def test_a_paused_watch_tells_later(setting: Watched) -> None:
    folder, watch, told = setting
    watch.pause()
    (folder / "a.md").write_text("a")
    until(lambda: watch.last_event is not None)
    threading.Event().wait(0.2)
    assert watch.paused
    assert told.calls == []
    watch.resume()
    told.wait_for("a.md")


def test_a_folder_may_vanish_and_come_back(setting: Watched, tmp_path: Path) -> None:
    folder, watch, told = setting
    for remove in (lambda: shutil.rmtree(folder), lambda: folder.rename(tmp_path / "aside")):
        remove()
        until(lambda: not watch.alive and watch.message == "the folder is gone")
        told.wait_for(FOLDER)
        told.clear()
        folder.mkdir()
        until(lambda: watch.alive)
        told.wait_for(FOLDER)
        (folder / "again.md").write_text("again")
        told.wait_for("again.md")
        assert watch.message == ""
        told.clear()


def test_a_folder_replaced_in_an_instant_is_watched_again(setting: Watched, tmp_path: Path) -> None:
    folder, watch, told = setting
    (tmp_path / "other").mkdir()
    folder.rename(tmp_path / "aside")
    (tmp_path / "other").rename(folder)
    told.wait_for(FOLDER)
    until(lambda: watch.alive)
    (folder / "a.md").write_text("a")
    told.wait_for("a.md")


def test_a_missing_folder_is_waited_for(tmp_path: Path) -> None:
    folder, watch, told = watched(tmp_path / "later")
    assert not watch.alive
    assert watch.message == "the folder is gone"
    folder.mkdir()
    until(lambda: watch.alive)
    (folder / "a.md").write_text("a")
    told.wait_for("a.md")
    watch.stop()


def test_a_dead_observer_is_replaced_and_that_is_told(
    setting: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, watch, told = setting
    observer, observe = watch._observer, watch._observe
    assert observer is not None
    told_too_soon: list[float | None] = []

    def noted() -> None:
        told_too_soon.append(watch.restarted)
        observe()
        told_too_soon.append(watch.restarted)

    monkeypatch.setattr(watch, "_observe", noted)
    for emitter in observer.emitters.copy():
        emitter.stop()
    told.wait_for(FOLDER)
    assert told_too_soon == [None, None]
    assert watch.restarted is not None
    assert watch.alive
    (folder / "a.md").write_text("a")
    told.wait_for("a.md")


def test_a_restart_has_the_whole_folder_looked_at(setting: Watched) -> None:
    folder, watch, told = setting
    watch.restart()
    assert watch.alive
    told.wait_for(FOLDER)
    (folder / "a.md").write_text("a")
    told.wait_for("a.md")


def test_a_callback_that_fails_is_reported_and_the_watch_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told()

    def on_paths(paths: frozenset[str]) -> None:
        told(paths)
        raise RuntimeError("no room")

    watch = FolderWatch(tmp_path, on_paths, settle=0.05, limit=0.5)
    watch.start()
    (tmp_path / "a.md").write_text("a")
    told.wait_for("a.md")
    (tmp_path / "b.md").write_text("b")
    told.wait_for("b.md")
    assert watch.alive
    assert "no room" in watch.message
    assert "no room" in caplog.text
    watch.stop()


def open_files() -> int:
    """How many, where the system tells."""
    listing = Path("/proc/self/fd")
    return len(list(listing.iterdir())) if listing.exists() else 0


@pytest.mark.parametrize("polling", [False, True])
def test_stopping_is_quick_and_leaves_nothing_open(tmp_path: Path, polling: bool) -> None:
    open_before = open_files()
    for _ in range(5):
        _, watch, _ = watched(tmp_path, polling=polling)
        watch.start()
        began = time.monotonic()
        watch.stop()
        watch.stop()
        assert time.monotonic() - began < 2
    assert open_files() <= open_before
