"""inotify limits and lost events."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import pytest

from membrowse.notes import watchdog_observers
from membrowse.notes.watcher import FOLDER
from tests.notes.watch_recorder import watched
from tests.waiting import until

if sys.platform != "linux":
    pytest.skip("inotify exists on Linux only", allow_module_level=True)

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
        monkeypatch.setattr(watchdog_observers._Inotify, "_create_inotify_fd", refuse)
    else:
        monkeypatch.setattr(watchdog_observers._Inotify, "_get_or_create_watch", refuse)
    _, watch, reports = watched(tmp_path)
    assert watch.alive
    assert watch.kind == "polling"
    assert limit in watch.message
    (tmp_path / "a.md").write_text("a")
    reports.wait_for("a.md")
    watch.stop()


def test_watches_exhausted_in_a_subfolder_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").mkdir()
    _, watch, reports = watched(tmp_path)
    assert watch.kind == "inotify"
    add = watchdog_observers._Inotify._get_or_create_watch

    def refuse_some(self: watchdog_observers._Inotify, path: bytes, mask: inotify_c.Mask) -> object:
        if path.endswith(b"two"):
            raise OSError(errno.ENOSPC, "limit reached")
        return add(self, path, mask)

    monkeypatch.setattr(watchdog_observers._Inotify, "_get_or_create_watch", refuse_some)
    (tmp_path / "two").mkdir()
    until(lambda: watch.kind == "polling" and watch.alive)
    reports.wait_for(FOLDER)
    (tmp_path / "two" / "a.md").write_text("a")
    reports.wait_for("two/a.md")
    watch.stop()


def test_lost_events_report_the_whole_folder(tmp_path: Path) -> None:
    _, watch, reports = watched(tmp_path)
    observer = watch._observer
    assert isinstance(observer, watchdog_observers._InotifyObserver)
    overflow = inotify_c.Mask(inotify_c.InotifyConstants.IN_Q_OVERFLOW)
    observer._inotify.handle_event(
        inotify_c.InotifyEvent(inotify_c.WatchDescriptor(-1), overflow, 0, b"")
    )
    reports.wait_for(FOLDER)
    watch.stop()
