"""Access to the files of a tree that a disk which does not answer cannot hold up for long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from membrowse.roots import Roots

PATIENCE = 10.0
"""Seconds for one note to be read."""

T = TypeVar("T")


class RootStuck(Exception):
    """A disk does not answer; the message says which root is affected."""


class _Access(threading.Thread, Generic[T]):
    """One access on its own thread."""

    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__(name="root access", daemon=True)
        self._work = work
        self._result: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._result.append(self._work())
        except BaseException as error:  # a thread's boundary: the caller gets it
            self._error = error

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return self._result[0]


class RootAccess:
    """Reads notes of `roots`, of a collection each root by itself.

    Nothing else is read of a root while an access to it has not ended.
    """

    def __init__(self, roots: Roots, *, patience: float | None = None) -> None:
        self._roots = roots
        self._patience = PATIENCE if patience is None else patience
        self._stuck: dict[str, tuple[threading.Thread, str]] = {}

    def stuck(self, root: str) -> str:
        """Why nothing can be read of the root, or empty."""
        thread, reason = self._stuck.get(root, (None, ""))
        if thread is not None and not thread.is_alive():
            del self._stuck[root]
            return ""
        return reason

    def run(self, path: str, work: Callable[[], T]) -> T:
        """What `work`, which reads the note at `path`, returns or raises.

        Raises `RootStuck` if that takes too long, or another access to its root still does.
        """
        if not self._roots.is_collection:
            return work()
        name = path.partition("/")[0]
        if reason := self.stuck(name):
            raise RootStuck(reason)
        access = _Access(work)
        access.start()
        access.join(self._patience)
        if access.is_alive():
            reason = f"its disk does not answer: {path} was not read in {self._patience:g} s"
            self._stuck[name] = access, reason
            raise RootStuck(reason)
        return access.result()
