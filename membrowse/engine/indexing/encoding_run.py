"""Encodes many chunks in the background: batches from a thread into the indexer's queue."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from membrowse.encoding.bulk_encoder import BulkEncoder
from membrowse.encoding.child_process import ChildFailed
from membrowse.encoding.encoder import EncodedText, Encoder, EncoderInput
from membrowse.encoding.model_files import ModelFiles
from membrowse.settings import Precision

log = logging.getLogger(__name__)

BULK_THRESHOLD = 100
"""More chunks than this are encoded by a separate process."""
_BULK_BATCH = 64
_RESIDENT_BATCH = 8
_AHEAD = 4
"""Batches that may wait for the indexer; bounds memory."""
_RESIDENT_PRECISION = "float32"


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """Some vectors of a run."""

    encoded: Sequence[EncodedText]
    precision: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run has ended; `problem` says what stopped it early."""

    problem: str = ""


class EncodingRun:
    """Encodes `texts` on a thread; calls `deliver` with `EncodedBatch`es, then one `RunEnded`."""

    def __init__(
        self,
        texts: Sequence[EncoderInput],
        files: ModelFiles,
        encoder: Encoder,
        precision: Precision,
        deliver: Callable[[EncodedBatch | RunEnded], None],
    ) -> None:
        self._texts = sorted(
            texts, key=_length, reverse=True
        )  # batches of equal length need least padding
        self._files = files
        self._encoder = encoder
        self._precision = precision
        self._deliver = deliver
        self._room = threading.Semaphore(_AHEAD)
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="encoding", daemon=True)
        self._started = time.monotonic()
        self._lengths = {text.key: _length(text) for text in self._texts}
        self._total = sum(self._lengths.values())
        self._done = 0
        self._delivered = 0
        self.count = len(self._texts)
        self.encoded = 0

    def start(self) -> None:
        self._started = time.monotonic()
        self._thread.start()

    def accept(self, batch: EncodedBatch) -> None:
        """Record that the indexer took `batch`."""
        self.encoded += len(batch.encoded)
        self._done += sum(self._lengths[encoded.key] for encoded in batch.encoded)
        self._room.release()

    @property
    def rate(self) -> float:
        """Chunks per second so far."""
        return self.encoded / max(time.monotonic() - self._started, 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """Estimated from characters, because long texts come first."""
        if not self._done:
            return None
        elapsed = time.monotonic() - self._started
        return elapsed * (self._total - self._done) / self._done

    def cancel(self, seconds: float = 5.0) -> None:
        """Stop after the current batch, and wait until it is done."""
        self._cancelled.set()
        self._room.release()
        self._thread.join(seconds)

    def _run(self) -> None:
        problem = ""
        try:
            self._encode()
        except Exception as error:  # the thread's boundary: the indexer shows it
            log.exception("encoding failed")
            problem = f"encoding failed: {error}"
        self._deliver(RunEnded(problem))

    def _encode(self) -> None:
        rest: Sequence[EncoderInput] = self._texts
        if len(rest) > BULK_THRESHOLD:
            try:
                rest = self._in_bulk(rest)
            except ChildFailed:
                log.exception("the bulk encoder died; continuing with the resident encoder")
                rest = self._texts[self._delivered :]
        for batch in _batches(rest, _RESIDENT_BATCH):
            if self._cancelled.is_set():
                return
            self._hand_over(self._encoder.encode(batch), _RESIDENT_PRECISION)

    def _in_bulk(self, texts: Sequence[EncoderInput]) -> Sequence[EncoderInput]:
        """Encode `texts` in a separate process; returns the rest (nothing)."""
        with BulkEncoder(self._files, self._precision) as bulk:
            for encoded in bulk.encode_all(_batches(texts, _BULK_BATCH)):
                if self._cancelled.is_set():
                    break
                self._hand_over(encoded, bulk.precision)
        return ()

    def _hand_over(self, encoded: Sequence[EncodedText], precision: str) -> None:
        self._room.acquire()
        self._delivered += len(encoded)
        self._deliver(EncodedBatch(encoded, precision))


def _length(text: EncoderInput) -> int:
    return len(text.header) + len(text.text)


def _batches(texts: Sequence[EncoderInput], size: int) -> Iterator[Sequence[EncoderInput]]:
    for start in range(0, len(texts), size):
        yield texts[start : start + size]
