"""The bulk encoder: a child process that encodes many texts, then ends."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from membrowse.encoding import child_protocol
from membrowse.encoding.child_process import Child, ChildDied, ChildFailed, ChildRefused
from membrowse.encoding.encoder import EncodedText, EncoderInput
from membrowse.encoding.model_files import ModelFiles
from membrowse.settings import Precision

IN_FLIGHT = 2
"""Requests that the child has at most: one in progress and one waiting, so it is never idle."""


class BulkEncoder:
    """A low-priority child process that encodes batches of texts in the order submitted.

    A context manager for one thread at a time. The child starts at once and loads its model while
    the first batches are submitted. It dies with this process.
    """

    def __init__(self, files: ModelFiles, precision: Precision, export: Path | None = None) -> None:
        """Encode with ONNX Runtime in float32 if there is an `export`, else with torch."""
        arguments = [files.model, files.revision, precision.value]
        if export is not None:
            arguments.append(str(export))
        self._child = Child("membrowse.encoding.bulk_child", *arguments)
        self._replies: queue.SimpleQueue[child_protocol.Message | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(IN_FLIGHT)
        self._sizes: deque[int] = deque()
        self._ready: child_protocol.Ready | None = None
        self._reader = threading.Thread(target=self._read, name="bulk-encoder", daemon=True)
        self._reader.start()

    @property
    def precision(self) -> str:
        """Numeric precision, `bfloat16` or `float32`; waits until the model is loaded.

        Raises `ChildFailed`.
        """
        return self._await_ready().precision

    def _await_ready(self) -> child_protocol.Ready:
        if self._ready is None:
            with self._child.deadline():
                message = self._replies.get()
            if not isinstance(message, child_protocol.Ready):
                raise self._failure(message)
            self._ready = message
        return self._ready

    @property
    def in_flight(self) -> int:
        """Number of submitted batches whose result was not taken."""
        return len(self._sizes)

    def submit(self, items: Sequence[EncoderInput]) -> None:
        """Send a batch; blocks while the child has `IN_FLIGHT` unanswered ones.

        Raises `ChildFailed`.
        """
        try:
            with self._child.deadline():
                self._room.acquire()
                self._child.send(child_protocol.encode_request(items))
        except OSError as error:
            raise self._failure(None) from error
        self._sizes.append(len(items))

    def result(self) -> list[EncodedText]:
        """Wait for the vectors of the oldest batch whose result was not taken, in its order.

        Raises `ChildFailed`, or `LookupError` if nothing was submitted.
        """
        size = self._sizes[0]
        self._await_ready()
        with self._child.deadline():
            reply = self._replies.get()
        if not isinstance(reply, child_protocol.EncodeReply) or len(reply.vectors) != size:
            raise self._failure(reply)
        self._sizes.popleft()
        return [child_protocol.unpack_vectors(packed) for packed in reply.vectors]

    def encode_all(self, batches: Iterable[Sequence[EncoderInput]]) -> Iterator[list[EncodedText]]:
        """Yield the results of `batches`, in order, while the child works on the next ones."""
        for batch in batches:
            if self.in_flight >= IN_FLIGHT:
                yield self.result()
            self.submit(batch)
        while self.in_flight:
            yield self.result()

    def close(self) -> None:
        """Kill the child; results that were not taken are lost."""
        self._child.close()
        self._reader.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self) -> None:
        while (message := self._child.receive()) is not None:
            self._replies.put(message)
            if not isinstance(message, child_protocol.Ready):
                self._room.release()
        self._replies.put(None)
        self._room.release(IN_FLIGHT)

    def _failure(self, message: child_protocol.Message | None) -> ChildFailed:
        """Return the reason for a missing result; later calls fail likewise."""
        self._replies.put(None)
        self._room.release()
        if isinstance(message, child_protocol.Refused):
            return ChildRefused(f"the bulk encoder refused: {message.message}")
        return ChildDied(f"the bulk encoder died: {self._child.last_words()}")
