"""watchdog's observers, and what they keep to themselves: exhausted watches and lost events."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

from watchdog.events import (
    DirAttribEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileAttribEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver
from watchdog.observers.polling import PollingObserverVFS

POLL_SECONDS = 1.0

CHANGES: list[type[FileSystemEvent]] = [
    DirAttribEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileAttribEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]
"""Opening and reading change nothing, and would report our own reading back to us."""

_LIMITS = {
    errno.ENOSPC: "inotify has no watches left (fs.inotify.max_user_watches)",
    errno.EMFILE: "inotify has no instances left (fs.inotify.max_user_instances)",
    errno.ENFILE: "the system has no file descriptors left",
    errno.ENOMEM: "inotify has no memory left",
}


def limit_reached(error: OSError) -> str:
    """What the system ran out of, or an empty string for another error."""
    return _LIMITS.get(error.errno or 0, "")


def polling(folder: str, handler: FileSystemEventHandler) -> BaseObserver:
    """An observer that compares listings of `folder`; it does not follow links. Not started."""
    observer = PollingObserverVFS(os.lstat, os.scandir, polling_interval=POLL_SECONDS)
    observer.schedule(handler, folder, recursive=True, event_filter=CHANGES)
    return observer


def native(
    folder: str,
    handler: FileSystemEventHandler,
    exhausted: Callable[[OSError], None],
    lost: Callable[[], None],
) -> BaseObserver:
    """The system's own observer of `folder`, not started.

    `exhausted` is called when a subdirectory cannot be watched for want of a resource, `lost` when
    events were dropped; both come from another thread. Raises OSError.
    """
    if sys.platform == "linux":
        observer: BaseObserver = _InotifyObserver(exhausted, lost)
    else:
        observer = Observer()
    observer.schedule(handler, folder, recursive=True, event_filter=CHANGES)
    return observer


if sys.platform == "linux":
    from watchdog.observers.inotify import InotifyEmitter
    from watchdog.observers.inotify_c import (
        CallbackId,
        InotifyEvent,
        InotifyFD,
        Mask,
        WatchCallback,
        WatchDescriptor,
    )

    class _Inotify(InotifyFD):
        """watchdog passes over subdirectories that it cannot watch, without a word."""

        def __init__(self, exhausted: Callable[[OSError], None], lost: Callable[[], None]) -> None:
            super().__init__()
            self._exhausted = exhausted
            self._lost = lost

        def add_callback(
            self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId
        ) -> WatchDescriptor:
            try:
                return super().add_callback(path, mask, callback, id_)
            except OSError as error:
                if limit_reached(error):
                    self._exhausted(error)
                raise

        def _add_callback(
            self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId
        ) -> WatchDescriptor:
            """A directory made while its parent is listed is met twice: no cause for a warning."""
            watch = self._get_or_create_watch(path, mask)
            watch.callbacks[id_] = callback
            return watch.wd

        def handle_event(self, event: InotifyEvent) -> None:
            super().handle_event(event)
            if event.is_queue_overflow:
                self._lost()

    class _InotifyObserver(BaseObserver):
        def __init__(self, exhausted: Callable[[OSError], None], lost: Callable[[], None]) -> None:
            self._inotify = _Inotify(exhausted, lost)
            self._inotify.start()
            super().__init__(InotifyEmitter, inotify_fd=self._inotify)

        def on_thread_stop(self) -> None:
            super().on_thread_stop()
            self._inotify.stop()
            self._inotify.join()

        def is_alive(self) -> bool:
            return super().is_alive() and self._inotify.is_alive()
