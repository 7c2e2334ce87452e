"""Scan all roots of a tree; one that is missing or slow does not hold up the others."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from membrowse.notes.root_access import RootAccess, RootStuck
from membrowse.notes.scanner import (
    FolderUnreadable,
    RootScan,
    ScannedFile,
    merged,
    saved_note,
    scan_root,
)
from membrowse.notes.watcher import FOLDER
from membrowse.roots import Root, Roots
from membrowse.settings import NotesSettings
from membrowse.wire.notes import NoteState

PATIENCE = 10.0
"""Seconds for the roots of a collection to be listed, all at the same time."""


class _Scanning(threading.Thread):
    """The scan of one root on its own thread, which a disk that does not answer can block."""

    def __init__(self, root: Root, scan: Callable[[Root], RootScan]) -> None:
        super().__init__(name=f"scan-{root.name}", daemon=True)
        self._root = root
        self._scan = scan
        self.real = ""
        self.found: RootScan | None = None
        self.problem = ""

    def run(self) -> None:
        try:
            self.real = os.path.realpath(self._root.path)
            self.found = self._scan(self._root)
        except FolderUnreadable as error:
            self.problem = error.strerror or str(error)
        except Exception as error:  # a thread's boundary
            self.problem = f"{self._root.path} cannot be listed: {error}"


class TreeScanner:
    """Lists the files of `roots`.

    The only root of a folder must be readable. A root of a collection that is not is one directory
    in state failed: its content is unknown, not gone.
    """

    def __init__(
        self, roots: Roots, access: RootAccess | None = None, *, patience: float = PATIENCE
    ) -> None:
        """A root that is stuck for `access` is not listed."""
        self._roots = roots
        self._access = access or RootAccess(roots)
        self._patience = patience
        self._running: dict[str, _Scanning] = {}
        """Scans that have not been used yet, by root."""

    def scan(self, settings: NotesSettings) -> list[ScannedFile]:
        """Every file, sorted by path. Raises `FolderUnreadable` for a folder.

        A slow root is listed on; the next call uses what was found meanwhile.
        """
        if not self._roots.is_collection:
            return merged(scan_root(root, settings) for root in self._roots)
        begun = [
            root
            for root in self._roots
            if root.name not in self._running and not self._access.stuck(root.name)
        ]
        for root in begun:
            self._running[root.name] = _Scanning(root, lambda root: scan_root(root, settings))
            self._running[root.name].start()
        deadline = time.monotonic() + self._patience
        for root in begun:  # who was late before is not waited for again
            self._running[root.name].join(max(0.0, deadline - time.monotonic()))
        ended = {name: each for name, each in self._running.items() if not each.is_alive()}
        for name in ended:
            del self._running[name]
        problems = dict(self._problems(ended))
        self._roots.unavailable = frozenset(problems)
        usable = [each.found for name, each in ended.items() if name not in problems and each.found]
        unknown = [
            ScannedFile(f"{name}/", 0, 0, NoteState.FAILED, reason)
            for name, reason in problems.items()
        ]
        return merged([*usable, RootScan(unknown, {}, ())])

    def saved(
        self, paths: Iterable[str], found: Mapping[str, ScannedFile], settings: NotesSettings
    ) -> dict[str, ScannedFile] | None:
        """Those of `paths` that are notes of an earlier scan, `found`, as they are now.

        None if anything else than the saving of notes happened to `paths`: scan the tree. What an
        editor wrote for a moment beside a note is left out.
        """
        notes: dict[str, ScannedFile] = {}
        for path in paths:
            try:
                looks = self._access.run(path, partial(self._looks, path, found, settings))
            except (OSError, RootStuck):
                return None
            if looks is None:
                return None
            notes.update((note.path, note) for note in looks)
        return notes

    def _looks(
        self, path: str, found: Mapping[str, ScannedFile], settings: NotesSettings
    ) -> list[ScannedFile] | None:
        """The note at `path`, if there is any; see `saved`."""
        known = found.get(path)
        if known is None:
            return [] if self._is_nowhere(path, found) else None
        if known.excluded is not None or known.link is not None:
            return None
        note = saved_note(self._roots.root_of(path), settings, known)
        return None if note is None else [note]

    def _is_nowhere(self, path: str, found: Mapping[str, ScannedFile]) -> bool:
        """Whether `path` neither exists nor was a directory or a root."""
        if path in {root.name or FOLDER for root in self._roots}:
            return False
        if os.path.lexists(self._roots.resolve(path)):
            return False
        return not any(each.startswith(f"{path}/") for each in found)

    def _problems(self, ended: dict[str, _Scanning]) -> Iterator[tuple[str, str]]:
        """Why roots cannot be used, by name."""
        for root in self._roots:
            scanning = ended.get(root.name)
            if stuck := self._access.stuck(root.name):
                yield root.name, stuck
            elif scanning is None:
                yield root.name, f"{root.path} was not listed within {self._patience:g} s"
            elif scanning.problem:
                yield root.name, scanning.problem
            elif above := _enclosing(root.name, ended):
                yield root.name, f"{root.path} lies in the root {above}: it is not read twice"


def _enclosing(name: str, scans: dict[str, _Scanning]) -> str:
    """The root that contains the root `name` once links are resolved, or empty.

    Of two names for one directory, the first is used.
    """
    mine, names = Path(scans[name].real), list(scans)
    for other, scan in scans.items():
        same = scan.real == scans[name].real
        if same and names.index(other) < names.index(name):
            return other
        if not same and mine.is_relative_to(scan.real) and not scan.problem:
            return other
    return ""
