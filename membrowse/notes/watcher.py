"""Watching a folder: which paths were touched, as soon as they are quiet."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler, FileSystemMovedEvent
from watchdog.observers.api import BaseObserver

from membrowse.notes import observers
from membrowse.notes.debounce import Debouncer
from membrowse.notes.ignore_rules import GIT_FILE, OWN_FILE

FOLDER = "."
"""Stands for the folder as a whole: it came or went, or events were lost. Look at everything."""

HEARTBEAT = 1.0
"""Seconds between looks at the observer's health and at the folder's identity."""

_logger = logging.getLogger(__name__)
_NOISE = re.compile(r"(?:^|/)(?:4913|[^/]*~|#[^/]*#)$|(?:^|/)\.")
_NATIVE_KIND = {"linux": "inotify", "darwin": "fsevents"}.get(sys.platform, "polling")


def is_noise(path: str) -> bool:
    """Whether `path` is hidden or an editor's own file; ignore files are not."""
    if path.rpartition("/")[2] in (OWN_FILE, GIT_FILE):
        return is_noise(path.rpartition("/")[0])
    return _NOISE.search(path) is not None


class FolderWatch:
    """Tells which paths of a folder were touched.

    `on_paths` is called from this object's own thread with paths relative to the folder: files that
    were created, written, removed or renamed, and directories that came, went or were renamed (then
    what lies in them need not be named: compare the whole folder). They may be gone by then. A path
    is told when it has been quiet for `settle` seconds, or `limit` seconds after its first touch.

    inotify is used where it works, else polling; `message` says why. Links are not followed. The
    folder may vanish and come back; meanwhile `alive` is false. An observer that dies is replaced
    at the next heartbeat, and the whole folder is looked at.
    """

    def __init__(
        self,
        folder: Path,
        on_paths: Callable[[frozenset[str]], None],
        *,
        settle: float,
        limit: float,
        polling: bool = False,
    ) -> None:
        self.kind = "none"
        """`inotify`, `fsevents`, `polling`, or `none` while nothing watches."""
        self.message = ""
        """What is not as it should be, or empty."""
        self.last_event: float | None = None
        """Seconds since the epoch."""
        self.restarted: float | None = None
        """When a watch that had died was last started again, seconds since the epoch."""
        self._folder = folder
        self._on_paths = on_paths
        self._polling = polling
        self._settling = Debouncer(settle, limit)
        self._changed = threading.Condition()
        self._lifecycle = threading.RLock()
        self._paused = False
        self._stopping = True
        self._exhausted: OSError | None = None
        self._root_touched = False
        self._root = ""
        self._identity: tuple[int, int] | None = None
        self._observer: BaseObserver | None = None
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """Whether changes are being seen."""
        thread = self._thread
        return thread is not None and thread.is_alive() and self._observes()

    def _observes(self) -> bool:
        observer = self._observer
        return (
            observer is not None
            and observer.is_alive()
            and all(emitter.is_alive() for emitter in observer.emitters.copy())
        )

    @property
    def paused(self) -> bool:
        return self._paused

    def start(self) -> None:
        """Begin to watch. A folder that is missing is waited for."""
        with self._lifecycle:
            if self._thread is not None:
                return
            self._stopping = False
            self._observe()
            self._thread = threading.Thread(target=self._run, name="folder-watch", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End all threads. What was not handed on yet is forgotten."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        with self._lifecycle:
            self._thread = None
            self._drop_observer()

    def pause(self) -> None:
        """Hand nothing on until `resume`; what is touched meanwhile is kept."""
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        with self._changed:
            self._changed.notify_all()

    def restart(self) -> None:
        """Watch with a new observer, and have the whole folder looked at."""
        with self._lifecycle:
            if self._thread is None or not self._thread.is_alive():
                self._thread = None
                self.start()
                self.restarted = time.time()
            else:
                self._observe()
        self._touch(FOLDER)

    def _observe(self) -> None:
        """Replace the observer; on failure fall back to polling, or wait for the folder."""
        with self._lifecycle:
            self._drop_observer()
            self.message = ""
            self._root = os.path.realpath(self._folder)
            self._identity = self._look()
            if self._identity is None:
                self.message = "the folder is gone"
                return
            if self._polling or not self._observe_natively():
                self._observe_by_polling()

    def _observe_natively(self) -> bool:
        self._exhausted = None
        handler = _Handler(self._seen)
        observer = None
        try:
            observer = observers.native(self._root, handler, self._ran_out, self._lost_events)
            observer.start()
            if self._exhausted is None:
                self._observer, self.kind = observer, _NATIVE_KIND
                return True
            error = self._exhausted
        except OSError as failure:
            error = failure
        if observer is not None:
            observer.stop()
        reason = observers.limit_reached(error) or f"watching failed: {error.strerror or error}"
        self.message = f"{reason}: looking every {observers.POLL_SECONDS:g} s instead"
        _logger.warning("%s: %s", self._root, self.message)
        return False

    def _observe_by_polling(self) -> None:
        observer = observers.polling(self._root, _Handler(self._seen))
        try:
            observer.start()
        except OSError as error:
            observer.stop()
            self.message = f"the folder cannot be watched: {error.strerror or error}"
            return
        self._observer, self.kind = observer, "polling"

    def _drop_observer(self) -> None:
        observer, self._observer = self._observer, None
        self.kind = "none"
        if observer is not None:
            observer.stop()
            observer.join()

    def _look(self) -> tuple[int, int] | None:
        try:
            status = Path(self._root).stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _ran_out(self, error: OSError) -> None:
        self._exhausted = error

    def _lost_events(self) -> None:
        self._touch(FOLDER)

    def _seen(self, path: str) -> None:
        if path == self._root:
            self._root_touched = True
            self._touch(FOLDER)
            return
        relative = path.removeprefix(self._root.rstrip("/") + "/")
        if relative != path and not is_noise(relative):
            self.last_event = time.time()
            self._touch(relative)

    def _touch(self, path: str) -> None:
        with self._changed:
            self._settling.touch(path)
            self._changed.notify_all()

    def _run(self) -> None:
        looked = time.monotonic()
        while not self._stopping:
            if time.monotonic() - looked >= HEARTBEAT:
                self._check()
                looked = time.monotonic()
            with self._changed:
                paths = frozenset() if self._paused else self._settling.take()
                if not paths and not self._stopping:
                    self._changed.wait(self._patience())
            if paths and not self._stopping:
                self._hand_on(paths)

    def _patience(self) -> float:
        wait = None if self._paused else self._settling.wait()
        return HEARTBEAT if wait is None else min(HEARTBEAT, max(0.0, wait))

    def _hand_on(self, paths: frozenset[str]) -> None:
        try:
            self._on_paths(paths)
        except Exception as error:
            self.message = f"a change could not be passed on: {error}"
            _logger.exception("%s: a change could not be passed on", self._root)

    def _check(self) -> None:
        """Mend what can be mended: a folder that came back, watches that ran out, a death."""
        with self._lifecycle:
            if self._stopping:
                return
            self._root = os.path.realpath(self._folder)
            identity = self._look()
            if identity is None:
                if self._identity is not None:
                    self._identity = None
                    self._drop_observer()
                    self.message = "the folder is gone"
                    self._touch(FOLDER)
                return
            died = self._observer is not None and not self._observes()
            came_back = identity != self._identity or (self._root_touched and died)
            self._root_touched = False
            if died and not came_back:
                _logger.warning("%s: the observer died; starting another", self._root)
            if came_back or died or (self._exhausted and self.kind != "polling"):
                self._observe()
                if died and not came_back:
                    self.restarted = time.time()
                self._touch(FOLDER)


class _Handler(FileSystemEventHandler):
    """Hands on the paths of every event."""

    def __init__(self, seen: Callable[[str], None]) -> None:
        self._seen = seen

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._seen(os.fsdecode(event.src_path))
        if isinstance(event, FileSystemMovedEvent) and event.dest_path:
            self._seen(os.fsdecode(event.dest_path))
