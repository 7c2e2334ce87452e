"""inotify where it runs out of something."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from membrowse.notes import observers
from membrowse.notes.watcher import FOLDER
from tests.notes.watched import until, watched

if sys.platform != "linux":
    pytest.skip("inotify is Linux's own", allow_module_level=True)

from watchdog.observers import inotify_c

pytestmark = pytest.mark.usefixtures("quick_watches")


@pytest.mark.parametrize(
    ("number", "limit"),
    [
        (errno.EMFILE, "fs.inotify.max_user_instances"),
        (errno.ENOSPC, "fs.inotify.max_user_watches"),
    ],
)
def test_without_inotify_the_folder_is_polled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, limit: str
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, "limit reached")

    if number == errno.EMFILE:
        monkeypatch.setattr(observers._Inotify, "_create_inotify_fd", refuse)
    else:
        monkeypatch.setattr(observers._Inotify, "_get_or_create_watch", refuse)
    _, watch, told = watched(tmp_path)
    assert watch.alive
    assert watch.kind == "polling"
    assert limit in watch.message
    (tmp_path / "a.md").write_text("a")
    told.wait_for("a.md")
    watch.stop()


def test_watches_that_run_out_below_the_top_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").mkdir()
    _, watch, told = watched(tmp_path)
    assert watch.kind == "inotify"
    add = observers._Inotify._get_or_create_watch

    def refuse_some(self: observers._Inotify, path: bytes, mask: inotify_c.Mask) -> object:
        if path.endswith(b"two"):
            raise OSError(errno.ENOSPC, "limit reached")
        return add(self, path, mask)

    monkeypatch.setattr(observers._Inotify, "_get_or_create_watch", refuse_some)
    (tmp_path / "two").mkdir()
    until(lambda: watch.kind == "polling" and watch.alive)
    told.wait_for(FOLDER)
    (tmp_path / "two" / "a.md").write_text("a")
    told.wait_for("two/a.md")
    watch.stop()


def test_lost_events_have_the_whole_folder_looked_at(tmp_path: Path) -> None:
    _, watch, told = watched(tmp_path)
    observer = watch._observer
    assert isinstance(observer, observers._InotifyObserver)
    overflow = inotify_c.Mask(inotify_c.InotifyConstants.IN_Q_OVERFLOW)
    observer._inotify.handle_event(
        inotify_c.InotifyEvent(inotify_c.WatchDescriptor(-1), overflow, 0, b"")
    )
    told.wait_for(FOLDER)
    watch.stop()
