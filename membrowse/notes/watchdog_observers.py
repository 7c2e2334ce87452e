"""watchdog observers that report exhausted inotify watches and lost events."""

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
"""Events that change the folder. Opening and reading do not, and would report our own reads."""

_LIMITS = {
    errno.ENOSPC: "inotify has no watches left (fs.inotify.max_user_watches)",
    errno.EMFILE: "inotify has no instances left (fs.inotify.max_user_instances)",
    errno.ENFILE: "the system has no file descriptors left",
    errno.ENOMEM: "inotify has no memory left",
}


def exhausted_resource(error: OSError) -> str:
    """Describe the system resource that ran out; empty for any other error."""
    return _LIMITS.get(error.errno or 0, "")


def polling_observer(folder: str, handler: FileSystemEventHandler) -> BaseObserver:
    """Return an observer, not started, that compares listings of `folder` and follows no links."""
    observer = PollingObserverVFS(os.lstat, os.scandir, polling_interval=POLL_SECONDS)
    observer.schedule(handler, folder, recursive=True, event_filter=CHANGES)
    return observer


def native_observer(
    folder: str,
    handler: FileSystemEventHandler,
    on_exhausted: Callable[[OSError], None],
    on_lost: Callable[[], None],
) -> BaseObserver:
    """Return the system's observer of `folder`, not started.

    `on_exhausted` is called if a subdirectory cannot be watched for lack of a resource, `on_lost`
    if events were dropped; both from another thread. Raises OSError.
    """
    if sys.platform == "linux":
        observer: BaseObserver = _InotifyObserver(on_exhausted, on_lost)
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
        """Reports subdirectories that cannot be watched, which watchdog silently skips."""

        def __init__(
            self, on_exhausted: Callable[[OSError], None], on_lost: Callable[[], None]
        ) -> None:
            super().__init__()
            self._on_exhausted = on_exhausted
            self._on_lost = on_lost

        def add_callback(
            self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId
        ) -> WatchDescriptor:
            try:
                return super().add_callback(path, mask, callback, id_)
            except OSError as error:
                if exhausted_resource(error):
                    self._on_exhausted(error)
                raise

        def _add_callback(
            self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId
        ) -> WatchDescriptor:
            """Accept a directory that is reported twice, as when it is created during a listing."""
            watch = self._get_or_create_watch(path, mask)
            watch.callbacks[id_] = callback
            return watch.wd

        def handle_event(self, event: InotifyEvent) -> None:
            super().handle_event(event)
            if event.is_queue_overflow:
                self._on_lost()

    class _InotifyObserver(BaseObserver):
        def __init__(
            self, on_exhausted: Callable[[OSError], None], on_lost: Callable[[], None]
        ) -> None:
            self._inotify = _Inotify(on_exhausted, on_lost)
            self._inotify.start()
            super().__init__(InotifyEmitter, inotify_fd=self._inotify)

        def on_thread_stop(self) -> None:
            super().on_thread_stop()
            self._inotify.stop()
            self._inotify.join()

        def is_alive(self) -> bool:
            return super().is_alive() and self._inotify.is_alive()
