"""Watch all roots of a tree: one watch each, so that none depends on another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace

from membrowse.notes.scanner import Link, ScannedFile
from membrowse.notes.watcher import FOLDER, FolderWatch, watch_scope
from membrowse.roots import Root, Roots

_STOP_SECONDS = 5.0
"""Time that a watch gets to stop; on a disk that does not answer it never does."""


class TreeWatch:
    """Reports which paths of a tree changed; see `FolderWatch`."""

    def __init__(
        self,
        roots: Roots,
        on_paths: Callable[[frozenset[str]], None],
        *,
        settle: float,
        limit: float,
    ) -> None:
        def watch_of(root: Root) -> FolderWatch:
            def on_root_paths(paths: frozenset[str]) -> None:
                on_paths(frozenset(map(_in_tree(root), paths)))

            return FolderWatch(root.path, on_root_paths, settle=settle, limit=limit)

        self._roots = roots
        self._watches = {root.name: watch_of(root) for root in roots}

    @property
    def alive(self) -> bool:
        """Whether changes are being observed, if only of one root."""
        return any(watch.alive for watch in self._watches.values())

    @property
    def kind(self) -> str:
        """`inotify`, `fsevents`, `polling` if a root is polled, or `none`."""
        kinds = {watch.kind for watch in self._watches.values()} - {"none"}
        return "polling" if "polling" in kinds else next(iter(kinds), "none")

    @property
    def message(self) -> str:
        """What is wrong with each root, or empty."""
        return "; ".join(
            f"{name}: {watch.message}" if name else watch.message
            for name, watch in self._watches.items()
            if watch.message
        )

    @property
    def last_event(self) -> float | None:
        """Seconds since the epoch."""
        return max((watch.last_event or 0.0 for watch in self._watches.values()), default=0) or None

    @property
    def restarted_at(self) -> float | None:
        """When a dead observer was last replaced, seconds since the epoch."""
        times = (watch.restarted_at or 0.0 for watch in self._watches.values())
        return max(times, default=0) or None

    @property
    def restarts(self) -> int:
        """How often a dead observer was replaced."""
        return sum(watch.restarts for watch in self._watches.values())

    def start(self) -> None:
        """Start watching; missing roots are awaited."""
        self._each(FolderWatch.start)

    def revive(self) -> bool:
        """Restart the watches that died; whether there were any."""
        dead = [name for name, watch in self._watches.items() if not watch.alive]
        self._each(FolderWatch.restart, dead)
        return bool(dead)

    def stop(self) -> None:
        """End all watches; changes not yet reported are dropped."""
        for thread in self._each(FolderWatch.stop):
            thread.join(_STOP_SECONDS)

    def follow(self, files: Iterable[ScannedFile]) -> None:
        """Watch what the notes among `files` need besides the visible files of each root."""
        files = list(files)
        for root in self._roots:
            if root.name not in self._roots.unavailable:
                own = [_in_root(file, root) for file in files if root.contains(file.path)]
                self._watches[root.name].set_scope(watch_scope(own))

    def _each(
        self, act: Callable[[FolderWatch], None], names: Iterable[str] | None = None
    ) -> list[threading.Thread]:
        """Do the same with the watches of several roots, each on its own thread if the tree is a
        collection: any of them can wait for its disk."""
        chosen = list(self._watches if names is None else names)
        if not self._roots.is_collection:
            for name in chosen:
                act(self._watches[name])
            return []
        threads = [
            threading.Thread(
                target=act, args=(self._watches[name],), name=f"watch-{name}", daemon=True
            )
            for name in chosen
        ]
        for thread in threads:
            thread.start()
        return threads


def _in_tree(root: Root) -> Callable[[str], str]:
    """Makes paths of the tree from paths of `root`."""
    return lambda path: (root.prefix + path) if path != FOLDER else (root.name or FOLDER)


def _in_root(file: ScannedFile, root: Root) -> ScannedFile:
    """`file` as a scan of `root` alone lists it."""
    link = file.link and Link(root.below(file.link.path), file.link.target)
    return replace(file, path=root.below(file.path), link=link)
