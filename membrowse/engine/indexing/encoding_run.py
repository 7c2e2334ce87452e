"""Encodes many chunks in the background: batches from a thread into the indexer's queue."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from membrowse.encoding import hardware
from membrowse.encoding.bulk_encoder import BulkEncoder
from membrowse.encoding.child_process import ChildFailed
from membrowse.encoding.encoder import EncodedText, Encoder, EncoderInput
from membrowse.encoding.model_files import ModelFiles
from membrowse.index.batches import batched
from membrowse.settings import Precision

log = logging.getLogger(__name__)

BULK_THRESHOLD = 100
"""More chunks than this are encoded by a separate process."""
_TORCH_CHARACTERS = 300_000
"""More text than this is worth the seconds that torch takes to start, where it is faster."""
_FIRST = 16
"""Chunks that get their vectors at once, while the separate process starts."""
_WINDOW = 512
"""Chunks among which the longest come first: batches of equal length need least padding."""
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


def torch_pays(characters: int, precision: Precision) -> bool:
    """Whether torch encodes so much text sooner than ONNX Runtime, or is required for it."""
    if precision is Precision.BFLOAT16:
        return True
    if characters <= _TORCH_CHARACTERS:
        return False
    bfloat16 = precision is Precision.AUTO and hardware.has_fast_bfloat16()
    return bfloat16 or hardware.has_accelerator()


class EncodingRun:
    """Encodes `texts` on a thread; calls `deliver` with `EncodedBatch`es, then one `RunEnded`.

    The first texts are encoded first, except that the order changes within windows of some hundred.
    Without an `export` of the encoder, only torch can encode in bulk.
    """

    def __init__(
        self,
        texts: Sequence[EncoderInput],
        files: ModelFiles,
        encoder: Encoder,
        export: Path | None,
        precision: Precision,
        deliver: Callable[[EncodedBatch | RunEnded], None],
    ) -> None:
        self._texts = _encoding_order(texts)
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
        self._export = None if torch_pays(self._total, precision) else export
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
            log.exception("encoding failed; `membrowse index` tries again")
            problem = f"encoding failed: {error}"
        self._deliver(RunEnded(problem))

    def _encode(self) -> None:
        rest: Sequence[EncoderInput] = self._texts
        if len(rest) > BULK_THRESHOLD:
            try:
                rest = self._in_bulk(rest)
            except ChildFailed:
                log.warning(
                    "the bulk encoder died; continuing with the resident encoder", exc_info=True
                )
                rest = self._texts[self._delivered :]
        for batch in batched(rest, _RESIDENT_BATCH):
            if self._cancelled.is_set():
                return
            self._hand_over(self._encoder.encode(batch), _RESIDENT_PRECISION)

    def _in_bulk(self, texts: Sequence[EncoderInput]) -> Sequence[EncoderInput]:
        """Encode `texts` in a separate process; returns the rest (nothing)."""
        with BulkEncoder(self._files, self._precision, self._export) as bulk:
            self._hand_over(self._encoder.encode(texts[:_FIRST]), _RESIDENT_PRECISION)
            for encoded in bulk.encode_all(batched(texts[_FIRST:], _BULK_BATCH)):
                if self._cancelled.is_set():
                    break
                self._hand_over(encoded, bulk.precision)
        return ()

    def _hand_over(self, encoded: Sequence[EncodedText], precision: str) -> None:
        self._room.acquire()
        self._delivered += len(encoded)
        self._deliver(EncodedBatch(encoded, precision))


def _encoding_order(texts: Sequence[EncoderInput]) -> list[EncoderInput]:
    """Return the first texts as they are, then windows of the rest, the longest text first."""
    ordered = list(texts[:_FIRST])
    for window in batched(texts[_FIRST:], _WINDOW):
        ordered += sorted(window, key=_length, reverse=True)
    return ordered


def _length(text: EncoderInput) -> int:
    return len(text.header) + len(text.text)
