"""Watch a folder and report changed paths once they are quiet."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler, FileSystemMovedEvent
from watchdog.observers.api import BaseObserver

from membrowse.notes import watchdog_observers
from membrowse.notes.debounce import Debouncer
from membrowse.notes.ignore_rules import GIT_IGNORE, MEMBROWSE_IGNORE
from membrowse.notes.scanner import ScannedFile

FOLDER = "."
"""Stands for the whole folder: it appeared, vanished, or lost events. Compare everything."""

HEARTBEAT = 1.0
"""Seconds between checks of the observer's health and the folder's identity."""
NATIVE_AGAIN = 60.0
"""Seconds of polling after which the system's own notifications are tried again."""

_logger = logging.getLogger(__name__)
_NOISE = re.compile(r"(?:^|/)(?:4913|[^/]*~|#[^/]*#)$|(?:^|/)\.")
_HIDDEN_FOLDERS = re.compile(r".*/?\.[^/]+/")
_NATIVE_KIND = {"linux": "inotify", "darwin": "fsevents"}.get(sys.platform, "polling")


@dataclass(frozen=True, slots=True)
class WatchScope:
    """What is watched besides the visible files of the folder."""

    shown: frozenset[str] = frozenset()
    """Hidden directories that a rule brings in, with a trailing `/`."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Real path of each linked directory or file → its path in the folder."""

    def path_of(self, real: str, root: str) -> str:
        """The path in the folder (`root`) of the file at `real`; empty if it is not in scope."""
        for target, path in self.links.items():
            if real == target or real.startswith(f"{target}/"):
                return path + real.removeprefix(target)
        relative = real.removeprefix(root.rstrip("/") + "/")
        return relative if relative != real else ""

    def hides(self, path: str) -> bool:
        """Whether a change of `path` is of no interest."""
        for directory in self.shown:
            if path.startswith(directory):
                return is_noise(path.removeprefix(directory))
        return f"{path}/" not in self.shown and is_noise(path)


def watch_scope(files: Iterable[ScannedFile]) -> WatchScope:
    """Return the scope that the notes among `files` need."""
    shown: set[str] = set()
    links: dict[str, str] = {}
    for file in files:
        if file.excluded is not None:
            continue
        if hidden := _HIDDEN_FOLDERS.match(file.path):
            shown.add(hidden[0])
        if file.link is not None:
            links[file.link.target] = file.link.path
    return WatchScope(frozenset(shown), links)


def is_noise(path: str) -> bool:
    """Whether `path` is hidden or an editor's temporary file; ignore files are not noise."""
    if path.rpartition("/")[2] in (MEMBROWSE_IGNORE, GIT_IGNORE):
        return is_noise(path.rpartition("/")[0])
    return _NOISE.search(path) is not None


class FolderWatch:
    """Reports which paths of a folder changed.

    `on_paths` is called from this object's own thread with paths relative to the folder: files that
    were created, written, removed or renamed, and directories that appeared, vanished or were
    renamed. Files inside such a directory may go unreported, so compare the whole folder. Reported
    paths may no longer exist. A path is reported once it has been quiet for `settle` seconds, or
    `limit` seconds after its first change.

    The watch uses inotify if it works, else polling; `message` says why. Of linked directories it
    watches those in its scope. The folder may vanish and return; meanwhile `alive` is false. A dead
    observer is replaced at the next heartbeat, and the whole folder is reported.
    """

    def __init__(
        self,
        folder: Path,
        on_paths: Callable[[frozenset[str]], None],
        *,
        settle: float,
        limit: float,
    ) -> None:
        self.kind = "none"
        """`inotify`, `fsevents`, `polling`, or `none` while nothing is watched."""
        self.message = ""
        """What is wrong, or empty."""
        self.last_event: float | None = None
        """Seconds since the epoch."""
        self.restarted_at: float | None = None
        """When a dead observer was last replaced, seconds since the epoch."""
        self.restarts = 0
        """How often a dead observer was replaced."""
        self._folder = folder
        self._on_paths = on_paths
        self._debouncer = Debouncer(settle, limit)
        self._wakeup = threading.Condition()
        self._lifecycle = threading.RLock()
        self._stopping = True
        self._exhausted: OSError | None = None
        self._scope = WatchScope()
        self._native_again = 0.0
        """When (monotonic seconds) to try the system's own notifications again."""
        self._root_touched = False
        self._root = ""
        self._identity: tuple[int, int] | None = None
        self._observer: BaseObserver | None = None
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """Whether changes are being observed."""
        thread = self._thread
        return thread is not None and thread.is_alive() and self._observer_alive()

    def _observer_alive(self) -> bool:
        observer = self._observer
        return (
            observer is not None
            and observer.is_alive()
            and all(emitter.is_alive() for emitter in observer.emitters.copy())
        )

    def start(self) -> None:
        """Start watching; a missing folder is awaited."""
        with self._lifecycle:
            if self._thread is not None:
                return
            self._stopping = False
            self._observe()
            self._thread = threading.Thread(target=self._run, name="folder-watch", daemon=True)
            self._thread.start()

    def set_scope(self, scope: WatchScope) -> None:
        """Watch `scope` from now on."""
        with self._lifecycle:
            changed = scope.links != self._scope.links
            self._scope = scope
            if changed and self._observer is not None:
                self._watch_links(self._observer)

    def _watch_links(self, observer: BaseObserver) -> None:
        """Have `observer` watch the linked directories, and the directories of linked files."""
        handler = _Handler(self._on_event)
        for target in self._scope.links:
            path = Path(target)
            directory = path.is_dir()
            with contextlib.suppress(OSError):  # gone; the next check finds out
                observer.schedule(
                    handler,
                    target if directory else str(path.parent),
                    recursive=directory,
                    event_filter=watchdog_observers.CHANGES,
                )

    def stop(self) -> None:
        """End all threads; changes not yet reported are dropped."""
        with self._wakeup:
            self._stopping = True
            self._wakeup.notify_all()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        with self._lifecycle:
            self._thread = None
            self._drop_observer()

    def restart(self) -> None:
        """Replace the observer and report the whole folder."""
        with self._lifecycle:
            if self._thread is None or not self._thread.is_alive():
                self._thread = None
                self.start()
                self._note_restart()
            else:
                self._observe()
        self._touch(FOLDER)

    def _observe(self) -> None:
        """Replace the observer; fall back to polling, or wait for a missing folder."""
        with self._lifecycle:
            self._drop_observer()
            self.message = ""
            self._root = os.path.realpath(self._folder)
            self._identity = self._folder_identity()
            if self._identity is None:
                self.message = "the folder is gone"
                return
            if not self._observe_natively():
                self._observe_by_polling()
            if self._observer is not None:
                self._watch_links(self._observer)

    def _observe_natively(self) -> bool:
        self._exhausted = None
        handler = _Handler(self._on_event)
        observer = None
        try:
            observer = watchdog_observers.native_observer(
                self._root, handler, self._note_exhausted, self._report_folder
            )
            observer.start()
            if self._exhausted is None:
                self._observer, self.kind = observer, _NATIVE_KIND
                return True
            error = self._exhausted
        except OSError as failure:
            error = failure
        if observer is not None:
            observer.stop()
        exhausted = watchdog_observers.exhausted_resource(error)
        reason = exhausted or f"watching failed: {error.strerror or error}"
        self.message = f"{reason}: polling every {watchdog_observers.POLL_SECONDS:g} s instead"
        _logger.warning("%s: %s", self._root, self.message)
        return False

    def _observe_by_polling(self) -> None:
        self._native_again = time.monotonic() + NATIVE_AGAIN
        observer = watchdog_observers.polling_observer(self._root, _Handler(self._on_event))
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

    def _note_restart(self) -> None:
        self.restarts += 1
        self.restarted_at = time.time()

    def _folder_identity(self) -> tuple[int, int] | None:
        try:
            status = Path(self._root).stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _note_exhausted(self, error: OSError) -> None:
        self._exhausted = error

    def _report_folder(self) -> None:
        self._touch(FOLDER)

    def _on_event(self, path: str) -> None:
        if path == self._root:
            self._root_touched = True
            self._touch(FOLDER)
            return
        scope = self._scope
        relative = scope.path_of(path, self._root)
        if relative and not scope.hides(relative):
            self.last_event = time.time()
            self._touch(relative)

    def _touch(self, path: str) -> None:
        with self._wakeup:
            self._debouncer.touch(path)
            self._wakeup.notify_all()

    def _run(self) -> None:
        checked_at = time.monotonic()
        while not self._stopping:
            if time.monotonic() - checked_at >= HEARTBEAT:
                self._check()
                checked_at = time.monotonic()
            with self._wakeup:
                paths = self._debouncer.take_due()
                if not paths and not self._stopping:
                    self._wakeup.wait(self._wait_seconds())
            if paths and not self._stopping:
                self._report(paths)

    def _wait_seconds(self) -> float:
        wait = self._debouncer.seconds_until_due()
        return HEARTBEAT if wait is None else min(HEARTBEAT, max(0.0, wait))

    def _report(self, paths: frozenset[str]) -> None:
        try:
            self._on_paths(paths)
        except Exception as error:  # the thread's boundary
            self.message = f"a change could not be processed: {error}"
            _logger.exception(
                "%s: a change could not be processed; `membrowse index` looks again", self._root
            )

    def _check(self) -> None:
        """Recover from a returned folder, exhausted watches or a dead observer."""
        with self._lifecycle:
            if self._stopping:
                return
            self._root = os.path.realpath(self._folder)
            identity = self._folder_identity()
            if identity is None:
                if self._identity is not None:
                    self._identity = None
                    self._drop_observer()
                    self.message = "the folder is gone"
                    self._touch(FOLDER)
                return
            died = self._observer is not None and not self._observer_alive()
            came_back = identity != self._identity or (self._root_touched and died)
            self._root_touched = False
            if died and not came_back:
                _logger.warning("%s: the observer died; starting a new one", self._root)
            polled = self.kind == "polling" and time.monotonic() >= self._native_again
            if came_back or died or polled or (self._exhausted and self.kind != "polling"):
                self._observe()
                if died and not came_back:
                    self._note_restart()
                self._touch(FOLDER)


class _Handler(FileSystemEventHandler):
    """Passes on the paths of every event."""

    def __init__(self, on_path: Callable[[str], None]) -> None:
        self._on_path = on_path

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._on_path(os.fsdecode(event.src_path))
        if isinstance(event, FileSystemMovedEvent) and event.dest_path:
            self._on_path(os.fsdecode(event.dest_path))
