"""Vectors for chunks that have none: a few at once with their generation, many in a run."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from membrowse.counts import counted
from membrowse.encoding.encoder import EncodedText
from membrowse.engine.indexing.encoding_run import EncodedBatch, EncodingRun, RunEnded
from membrowse.engine.models import Models
from membrowse.index.change_plan import NoteChange
from membrowse.index.protocols import SearchIndex
from membrowse.settings import Precision
from membrowse.wire.engine import Progress
from membrowse.wire.search import RankingState

log = logging.getLogger(__name__)

INLINE_CHUNKS = 24
"""Up to this many new chunks are encoded at once, within the generation that adds them."""
INLINE_PRECISION = "float32"
_FLUSH_SECONDS = 5.0
_FLUSH_BYTES = 256 << 20
"""Vectors are stored after this time, or when they take this much memory. Storing costs the same
however many are stored already, and a kill loses no more than these."""


class Vectoriser:
    """Used only by the indexer's thread; a run delivers its batches through `deliver`."""

    def __init__(
        self,
        index: SearchIndex,
        models: Models,
        precision: Precision,
        deliver: Callable[[EncodedBatch | RunEnded], None],
    ) -> None:
        self._index = index
        self._models = models
        self._wanted_precision = precision
        self._deliver = deliver
        self._run: EncodingRun | None = None
        self._waiting: list[EncodedText] = []
        self._waiting_bytes = 0
        self._flush_pause = _FLUSH_SECONDS
        self.flush_due = float("inf")
        """When (monotonic seconds) waiting vectors are to be stored."""
        self.precision = ", ".join(sorted(index.vectors.precisions()))
        """Precisions of the stored vectors."""

    def inline(self, changes: Iterable[NoteChange]) -> list[EncodedText]:
        """Vectors for the new chunks of `changes` if these are few and the encoder is ready."""
        encoder = self._models.encoder
        if encoder is None:
            return []
        missing = self._index.missing_inputs(changes)
        if not missing or len(missing) > INLINE_CHUNKS:
            return []
        return encoder.encode(missing)

    def begin(self, require_room: Callable[[], None]) -> None:
        """Start a run over chunks without a vector, if none is running and there is an encoder.

        `require_room` is called first, and raises if what is encoded could not be stored.
        """
        files, loaded = self._models.files, self._models.loaded
        if self._run is not None or loaded.encoder is None or files is None:
            return
        texts = self._index.unencoded()
        if texts:
            require_room()
            log.info("encoding %s", counted(len(texts), "chunk"))
            precision = self._wanted_precision
            self._run = EncodingRun(
                texts, files, loaded.encoder, loaded.export, precision, self._deliver
            )
            self._flush_pause = 0.0  # the first vectors are stored at once
            self._run.start()

    def accept(self, batch: EncodedBatch) -> None:
        """Take vectors of the current run, to be stored later together with others."""
        if self._run is None:
            return
        self._run.accept(batch)
        if not self._waiting:
            self.flush_due = time.monotonic() + self._flush_pause
        self._waiting.extend(batch.encoded)
        self._waiting_bytes += sum(text.bytes for text in batch.encoded)
        self.precision = batch.precision
        if time.monotonic() >= self.flush_due or self._waiting_bytes >= _FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Store the waiting vectors as one generation."""
        waiting = self._waiting
        self._forget_waiting()
        if waiting:
            self._index.add_vectors(waiting, self.precision)
            self._flush_pause = _FLUSH_SECONDS

    def _forget_waiting(self) -> None:
        self._waiting, self._waiting_bytes, self.flush_due = [], 0, float("inf")

    def end(self) -> None:
        """The run has ended."""
        self._run = None
        self.flush()

    def cancel(self) -> None:
        """Stop the current run and keep its vectors."""
        if self._run is not None:
            self._run.cancel()
        self.end()

    def abandon(self) -> None:
        """Stop the current run and forget its vectors that are not stored: there is no room."""
        if self._run is not None:
            self._run.cancel()
        self._run = None
        self._forget_waiting()

    @property
    def waits_for_encoder(self) -> bool:
        """Whether chunks have no vector because the encoder is still loading."""
        loading = self._models.state is RankingState.LOADING
        return loading and not self._index.generation.encoded.all()

    def progress(self) -> Progress | None:
        """Progress of the current run or of loading the encoder for it, or None."""
        run, generation = self._run, self._index.generation
        if run is None:
            return self._loading() if self.waits_for_encoder else None
        return Progress(
            phase="encoding",
            notes_done=len(generation.notes),
            notes_total=len(generation.notes),
            chunks_done=int(generation.encoded.sum()) + len(self._waiting),
            chunks_total=len(generation.chunks),
            chunks_per_second=run.rate,
            seconds_left=run.seconds_left,
        )

    def _loading(self) -> Progress:
        generation = self._index.generation
        return Progress(
            phase="preparing" if self._models.preparing else "loading",
            notes_done=len(generation.notes),
            notes_total=len(generation.notes),
            chunks_done=int(generation.encoded.sum()),
            chunks_total=len(generation.chunks),
            seconds=self._models.seconds_loading,
        )
