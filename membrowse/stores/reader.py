"""Runs the child processes that read and search a store, and ends those that say nothing."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator

import msgspec

from membrowse import interpreter
from membrowse.stores.address import StoreAddress
from membrowse.stores.directory import OpenedStore
from membrowse.stores.messages import (
    Answered,
    Description,
    Failed,
    Message,
    Progressed,
    ReadStore,
    SearchStore,
    Unchanged,
    Work,
)
from membrowse.stores.source import StoreUnreadable

log = logging.getLogger(__name__)

SILENT_SECONDS = 120.0
"""A reader that is silent for longer is ended: its server or disk hangs."""
SEARCH_SECONDS = 60.0
_TRIES = 2
"""Attempts of a search: the kept process may have ended, unused or for lack of memory."""
_END_SECONDS = 5.0
_LAST_WORDS = 400
"""Bytes of a child's stderr."""
_QUIET = {"ANONYMIZED_TELEMETRY": "False", "HF_HUB_OFFLINE": "1"}
_decode = msgspec.json.Decoder(Message).decode


class StoreReader:
    """Reads and searches one store; `close` ends what runs.

    The process of a search is kept for the next one, because its library takes seconds to load.
    """

    def __init__(self) -> None:
        self._running: set[_Child] = set()
        self._searcher: tuple[object, _Child] | None = None
        """The child of the last search, and what it has open."""
        self._closed = False
        self._lock = threading.Lock()
        self._searching = threading.Lock()

    def read(self, work: ReadStore, progress: Callable[[Progressed], None]) -> Description | None:
        """Read a store into its spool; None if its files have not changed.

        Raises `StoreUnreadable`.
        """
        child = self._started(work)
        try:
            child.ask(work)
            for message in child.messages(SILENT_SECONDS):
                match message:
                    case Progressed():
                        progress(message)
                    case Description():
                        return message
                    case Unchanged():
                        return None
            raise child.failure()
        finally:
            self._end(child)

    def search(self, work: SearchStore) -> Answered:
        """What the store's own search returns, one search after the other.

        Raises `StoreUnreadable`.
        """
        with self._searching:
            for _ in range(_TRIES):
                child = self._searcher_for(work)
                if (answered := self._answered(work, child)) is not None:
                    return answered
            raise child.failure()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            running = list(self._running)
        for child in running:
            child.kill()
        with self._searching:  # a search ends with its child
            if self._searcher is not None:
                self._end(self._searcher[1])
                self._searcher = None

    def _searcher_for(self, work: SearchStore) -> _Child:
        """A child that has the store of `work` open, or opens it: a refresh makes another copy."""
        opened = (work.store, work.directory, work.copy)
        if self._searcher is not None:
            known, child = self._searcher
            if known == opened and child.alive:
                return child
            self._end(child)
        child = self._started(work)
        self._searcher = opened, child
        return child

    def _answered(self, work: SearchStore, child: _Child) -> Answered | None:
        """The answer of `child`; None if it ended instead. Any other child is not kept."""
        answered = None
        try:
            child.ask(work)
            for message in child.messages(SEARCH_SECONDS):
                if isinstance(message, Answered):
                    answered = message
                    return answered
            return None
        finally:
            if answered is None:
                self._end(child)
                self._searcher = None

    def _started(self, work: Work) -> _Child:
        with self._lock:
            if self._closed:
                raise StoreUnreadable("the engine is ending")
            try:
                child = _Child(work.store)
            except OSError as error:
                raise StoreUnreadable(f"no reader can be started: {error}") from error
            self._running.add(child)
        return child

    def _end(self, child: _Child) -> None:
        child.end()
        self._running.discard(child)


class _Child:
    """The process that reads or searches `store`. Raises `OSError`."""

    def __init__(self, store: OpenedStore) -> None:
        self._store = store
        self._address = store.address
        self._process = interpreter.start(
            "membrowse.stores.child", stdin=subprocess.PIPE, extra=_QUIET, new_session=True
        )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._errors = bytearray()
        streams = (self._process.stdout, self._lines.put), (self._process.stderr, self._keep)
        self._threads = [
            threading.Thread(target=_pass_on, args=each, daemon=True) for each in streams
        ]
        for thread in self._threads:
            thread.start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, work: Work) -> None:
        """Send `work`; a child that ended meanwhile has no message for it."""
        stdin = self._process.stdin
        if stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                stdin.write(msgspec.json.encode(work) + b"\n")
                stdin.flush()

    def messages(self, seconds: float) -> Iterator[Message]:
        """What the child says until it ends. Raises `StoreUnreadable` for a failure and silence."""
        try:
            while line := self._lines.get(timeout=seconds):
                message = _decoded(self._address, line)
                if isinstance(message, Failed):
                    raise StoreUnreadable(message.problem)
                yield message
        except queue.Empty:
            self.kill()
            raise StoreUnreadable(
                f"{self._address} says nothing for {seconds:.0f} s: its reader was ended"
            ) from None

    def failure(self) -> StoreUnreadable:
        """Why it ended without a result."""
        status = self.end()
        if not status:
            return StoreUnreadable(f"the reader of {self._address} ended without a result")
        words = self._errors.decode("utf-8", "replace").strip()
        words = self._store.without_token(words)
        log.warning("the reader of a store ended with status %d: %s", status, words)
        return StoreUnreadable(_crash(self._address, status))

    def end(self) -> int:
        """Let the child end, kill it if it does not, and return its exit status."""
        with contextlib.suppress(BrokenPipeError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        self.kill()
        streams = (self._process.stdout, self._process.stderr)
        for thread, stream in zip(self._threads, streams, strict=True):
            thread.join(1.0)
            if stream is not None and not thread.is_alive():
                stream.close()
        return self._process.returncode

    def kill(self) -> None:
        if self.alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _keep(self, line: bytes) -> None:
        self._errors.extend(line)
        del self._errors[:-_LAST_WORDS]


def _decoded(address: StoreAddress, line: bytes) -> Message:
    try:
        message: Message = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreUnreadable(f"the reader of {address} cannot be understood: {error}") from error
    return message


def _pass_on(stream: Iterator[bytes] | None, take: Callable[[bytes], None]) -> None:
    for line in stream or ():
        take(line)
    take(b"")


def _crash(address: StoreAddress, status: int) -> str:
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return (
        f"the reader of {address} died ({how}): the store is damaged, or memory ran out; the "
        f"engine's log has more (`membrowse engine log --store {shlex.quote(str(address))}`)"
    )
