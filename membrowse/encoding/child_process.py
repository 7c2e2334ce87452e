"""Child processes of the engine: where torch lives, and what they may see of the world."""

from __future__ import annotations

import contextlib
import logging
import os
import site
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, cast

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
"""No child may use the network, and none reports anything to anyone."""
_TAIL_LINES = 30
_PATIENCE = 2.0


def environment() -> dict[str, str]:
    """The environment of a child: ours, offline, with this package importable."""
    result = {"OMP_WAIT_POLICY": "passive", **os.environ, **OFFLINE}  # spinning starves queries
    root = str(Path(__file__).parents[2])
    if root not in (*site.getsitepackages(), site.getusersitepackages()):
        result["PYTHONPATH"] = os.pathsep.join(filter(None, (result.get("PYTHONPATH"), root)))
    return result


def command(module: str, *arguments: str) -> list[str]:
    """Run `module` of ours; `-P` keeps what lies in the working directory from being imported."""
    return [sys.executable, "-P", "-m", module, *arguments]


class Child:
    """A child process that answers messages on its standard output and logs on its standard error.

    It ends when its standard input does, so also when this process dies.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            command(module, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        self._requests = cast(BinaryIO, self._process.stdin)
        self._replies = cast(BinaryIO, self._process.stdout)
        self._errors = cast(BinaryIO, self._process.stderr)
        self._name = module.rpartition(".")[2]
        self._listener = threading.Thread(
            target=self._listen, name=f"{self._name}-log", daemon=True
        )
        self._listener.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, message: child_protocol.Message) -> None:
        """Raises `OSError` where the child is gone."""
        child_protocol.write(self._requests, message)

    def receive(self) -> child_protocol.Message | None:
        """The child's next message; None where it is gone. Blocks."""
        return child_protocol.read(self._replies)

    def last_words(self) -> str:
        """How it ended, and the last lines that it wrote to its standard error."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        self._listener.join(_PATIENCE)
        return "\n".join([f"exit status {self._process.poll()}", *self._tail])

    def close(self) -> None:
        """End the child at once; it keeps nothing that would be lost."""
        self._process.kill()
        self._process.wait()
        self._listener.join(_PATIENCE)
        with contextlib.suppress(OSError):  # what was not sent cannot be flushed
            self._requests.close()
        self._replies.close()

    def _listen(self) -> None:
        with self._errors as lines:
            for line in lines:
                text = line.decode("utf-8", "replace").rstrip()
                self._tail.append(text)
                log.info("%s: %s", self._name, text)
