"""Child processes of the engine, which run torch: start them, exchange messages, end them."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from typing import BinaryIO, cast

from membrowse import interpreter, paths
from membrowse.encoding import child_protocol

log = logging.getLogger(__name__)

OFFLINE: Mapping[str, str] = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}
"""No child may use the network or send telemetry."""
REPLY_SECONDS = 300.0
"""A child that takes longer for an answer hangs: a batch takes seconds, loading torch a minute."""
_TAIL_LINES = 30
_WAIT_SECONDS = 2.0


class ChildFailed(Exception):
    """A child process did not deliver a result."""


class ChildDied(ChildFailed):
    """The child ended before it answered; the message contains the tail of its stderr."""


class ChildRefused(ChildFailed):
    """The child cannot do what was requested; the message is its reason."""


def torch_variables() -> dict[str, str]:
    """Variables for children that import torch: offline, and no cache where others can write."""
    return {
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "passive"),  # spinning starves queries
        "TORCHINDUCTOR_CACHE_DIR": str(paths.cache_dir() / "torch"),
        **OFFLINE,
    }


class Child:
    """A child process that answers messages on its stdout and logs to its stderr.

    It ends when its stdin does, so also when this process dies.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._process = interpreter.start(
            module, *arguments, stdin=subprocess.PIPE, extra=torch_variables()
        )
        self._requests = cast(BinaryIO, self._process.stdin)
        self._replies = cast(BinaryIO, self._process.stdout)
        self._errors = cast(BinaryIO, self._process.stderr)
        self._name = module.rpartition(".")[2]
        self._log_thread = threading.Thread(
            target=self._copy_log, name=f"{self._name}-log", daemon=True
        )
        self._log_thread.start()
        log.info("%s runs as process %d", self._name, self.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, message: child_protocol.Message) -> None:
        """Send `message`; raises `OSError` if the child is gone."""
        child_protocol.write(self._requests, message)

    def receive(self) -> child_protocol.Message | None:
        """Wait for the child's next message; None if the child is gone."""
        return child_protocol.read(self._replies)

    @contextlib.contextmanager
    def deadline(self) -> Iterator[None]:
        """Kill the child if the block, which waits for it, takes too long: it hangs."""
        timer = threading.Timer(REPLY_SECONDS, self._kill_hung)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _kill_hung(self) -> None:
        log.warning("%s has not answered for %.0f s: killing it", self._name, REPLY_SECONDS)
        self._process.kill()

    def last_words(self) -> str:
        """Return the exit status and the last lines of stderr."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_WAIT_SECONDS)
        self._log_thread.join(_WAIT_SECONDS)
        return "\n".join([f"exit status {self._process.poll()}", *self._tail])

    def close(self) -> None:
        """Kill the child; it has nothing to lose."""
        self._process.kill()
        self._process.wait()
        self._log_thread.join(_WAIT_SECONDS)
        with contextlib.suppress(OSError):  # an unsent message cannot be flushed
            self._requests.close()
        self._replies.close()

    def _copy_log(self) -> None:
        with self._errors as lines:
            for line in lines:
                text = line.decode("utf-8", "replace").rstrip()
                self._tail.append(text)
                log.info("%s: %s", self._name, text)


class ChildClient:
    """A child that answers one request at a time, started by the first one.

    Threads take turns. A child that died is restarted by the next request.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._command = (module, *arguments)
        self._child: Child | None = None
        self._lock = threading.Lock()

    def ask(self, request: child_protocol.Message) -> child_protocol.Message:
        """Return the child's reply. Raises `ChildRefused` or `ChildDied`."""
        with self._lock:
            child = self._started()
            try:
                with child.deadline():
                    child.send(request)
                    reply = child.receive()
            except OSError:
                reply = None
            return self._checked(child, reply)

    def close(self) -> None:
        """End the process, if any; a later request would start a new one."""
        with self._lock:
            self._end()

    def _started(self) -> Child:
        if self._child is not None and self._child.alive:
            return self._child
        self._end()
        self._child = Child(*self._command)
        with self._child.deadline():
            started = self._child.receive()
        self._checked(self._child, started)
        return self._child

    def _checked(
        self, child: Child, reply: child_protocol.Message | None
    ) -> child_protocol.Message:
        if reply is None:
            last_words = child.last_words()
            self._end()
            raise ChildDied(last_words)
        if isinstance(reply, child_protocol.Refused):
            self._end()
            raise ChildRefused(reply.message)
        return reply

    def _end(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None
