"""Much text: a child process with torch that lives while there is much to encode, then ends."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from membrowse.encoding import child_protocol
from membrowse.encoding.child_process import Child
from membrowse.encoding.encoder_identity import EncoderIdentity
from membrowse.encoding.model_files import ModelFiles
from membrowse.encoding.vectors import EncodedText, EncoderInput
from membrowse.settings import Precision

IN_FLIGHT = 2
"""Requests that the child holds at most: one being encoded, one waiting, so that it never does."""


class EncoderDied(Exception):
    """The child ended or refused; the message holds its reason or the tail of its stderr."""


class BulkEncoder:
    """A niced child process that encodes batches of texts in the order in which they are submitted.

    Made by one thread and used by one thread at a time; a context manager. It starts at once, and
    loads its model while the first batches are being submitted. It dies with this process.
    """

    def __init__(self, files: ModelFiles, precision: Precision) -> None:
        self.identity: EncoderIdentity = files.identity
        self._child = Child(
            "membrowse.encoding.bulk_child", files.model, files.revision, precision.value
        )
        self._replies: queue.SimpleQueue[child_protocol.Message | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(IN_FLIGHT)
        self._sizes: deque[int] = deque()
        self._ready: child_protocol.Ready | None = None
        self._reader = threading.Thread(target=self._read, name="bulk-encoder", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def precision(self) -> str:
        """What it computes in, `bfloat16` or `float32`; waits until the model is loaded.

        Raises `EncoderDied`.
        """
        return self._await_ready().precision

    def _await_ready(self) -> child_protocol.Ready:
        if self._ready is None:
            message = self._replies.get()
            if not isinstance(message, child_protocol.Ready):
                raise self._death(message)
            self._ready = message
        return self._ready

    @property
    def in_flight(self) -> int:
        """Batches submitted whose result has not been taken."""
        return len(self._sizes)

    def submit(self, items: Sequence[EncoderInput]) -> None:
        """Hand over a batch; blocks while the child already holds two that it has not answered.

        Raises `EncoderDied`.
        """
        self._room.acquire()
        try:
            self._child.send(child_protocol.texts_to_wire(items))
        except OSError as error:
            raise self._death(None) from error
        self._sizes.append(len(items))

    def result(self) -> list[EncodedText]:
        """The vectors of the oldest batch whose result has not been taken, in its order. Blocks.

        Raises `EncoderDied`; `LookupError` where nothing was submitted.
        """
        size = self._sizes[0]
        self._await_ready()
        reply = self._replies.get()
        if not isinstance(reply, child_protocol.EncodeReply) or len(reply.vectors) != size:
            raise self._death(reply)
        self._sizes.popleft()
        return [child_protocol.from_wire(vectors) for vectors in reply.vectors]

    def results(self) -> Iterator[list[EncodedText]]:
        """The results of everything submitted so far."""
        while self._sizes:
            yield self.result()

    def encode(self, items: Sequence[EncoderInput]) -> list[EncodedText]:
        """Vectors of `items`, in their order; blocks. Nothing else may be in flight."""
        self.submit(items)
        return self.result()

    def encode_all(self, batches: Iterable[Sequence[EncoderInput]]) -> Iterator[list[EncodedText]]:
        """The results of `batches`, in order, while the child is kept busy with the next ones."""
        for batch in batches:
            if self.in_flight >= IN_FLIGHT:
                yield self.result()
            self.submit(batch)
        yield from self.results()

    def close(self) -> None:
        """End the child at once; results that were not taken are lost."""
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

    def _death(self, message: child_protocol.Message | None) -> EncoderDied:
        """Why there is no result: the child's own reason, or how it ended."""
        self._replies.put(None)
        self._room.release()
        if isinstance(message, child_protocol.Refused):
            return EncoderDied(f"the bulk encoder refused: {message.message}")
        return EncoderDied(f"the bulk encoder died: {self._child.last_words()}")
