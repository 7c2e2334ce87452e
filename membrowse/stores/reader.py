"""Runs the child process that reads a store, and ends it when it says nothing any more."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import msgspec

from membrowse import interpreter
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
"""A reader that says nothing for so long is ended: a server hangs, or a disk."""
SEARCH_SECONDS = 60.0
_LAST_WORDS = 400
_QUIET = {"ANONYMIZED_TELEMETRY": "False", "HF_HUB_OFFLINE": "1"}
_decode = msgspec.json.Decoder(Message).decode


class StoreReader:
    """Reads and searches one store; `close` ends what runs."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False
        self._lock = threading.Lock()

    def read(self, work: ReadStore, progress: Callable[[Progressed], None]) -> Description | None:
        """Read a store into its spool; None if its files have not changed.

        Raises `StoreUnreadable`.
        """
        for message in self._messages(work, SILENT_SECONDS):
            match message:
                case Progressed():
                    progress(message)
                case Description():
                    return message
                case Unchanged():
                    return None
        raise StoreUnreadable(f"the reader of {work.store.address} ended without a result")

    def search(self, work: SearchStore) -> Answered:
        """What the store's own search returns. Raises `StoreUnreadable`."""
        for message in self._messages(work, SEARCH_SECONDS):
            if isinstance(message, Answered):
                return message
        raise StoreUnreadable(f"the search of {work.store.address} ended without a result")

    def close(self) -> None:
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            _end(process)

    def _messages(self, work: Work, seconds: float) -> Iterator[Message]:
        """What the child says. Raises `StoreUnreadable` for a failure, a crash and silence."""
        process = self._start(work)
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        errors = bytearray()
        threads = (
            threading.Thread(target=_pass_on, args=(process.stdout, lines.put), daemon=True),
            threading.Thread(target=_pass_on, args=(process.stderr, errors.extend), daemon=True),
        )
        for thread in threads:
            thread.start()
        try:
            while line := lines.get(timeout=seconds):
                message = _decoded(work, line)
                if isinstance(message, Failed):
                    raise StoreUnreadable(message.problem)
                yield message
        except queue.Empty:
            _end(process)
            raise StoreUnreadable(
                f"{work.store.address} says nothing for {seconds:.0f} s: its reader was ended"
            ) from None
        finally:
            status = _ended(process)
            self._running.discard(process)
            for thread, stream in zip(threads, (process.stdout, process.stderr), strict=True):
                thread.join(1.0)
                if stream is not None and not thread.is_alive():
                    stream.close()
        if status:
            words = errors.decode("utf-8", "replace").strip()[-_LAST_WORDS:]
            log.warning("the reader of a store ended with status %d: %s", status, words)
            raise StoreUnreadable(_crash(work, status))

    def _start(self, work: Work) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise StoreUnreadable("the engine is ending")
            try:
                process = interpreter.start(
                    "membrowse.stores.child", stdin=subprocess.PIPE, extra=_QUIET, new_session=True
                )
            except OSError as error:
                raise StoreUnreadable(f"no reader can be started: {error}") from error
            self._running.add(process)
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
                stdin.write(msgspec.json.encode(work))
        return process


def _decoded(work: Work, line: bytes) -> Message:
    try:
        message: Message = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreUnreadable(
            f"the reader of {work.store.address} cannot be understood: {error}"
        ) from error
    return message


def _pass_on(stream: Iterator[bytes] | None, take: Callable[[bytes], None]) -> None:
    for line in stream or ():
        take(line)
    take(b"")


def _ended(process: subprocess.Popen[bytes]) -> int:
    """The exit status; a child that still runs after its last message is ended."""
    deadline = time.monotonic() + 5.0
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    _end(process)
    return process.returncode


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _crash(work: Work, status: int) -> str:
    how = f"signal {-status}" if status < 0 else f"status {status}"
    address = work.store.address
    return (
        f"the reader of {address} died ({how}): the store is damaged, or memory ran out; the "
        f"engine's log has more (`membrowse engine log --store {shlex.quote(str(address))}`)"
    )
