"""The one writer: keeps the index equal to the folder, an event at a time, on its own thread."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from membrowse.encoding.values import Encoded
from membrowse.engine import clock
from membrowse.engine.encoding_run import EncodedBatch, EncodingRun, RunEnded
from membrowse.engine.facts import Facts, Refusal
from membrowse.engine.folder import Comparison, compare, failures
from membrowse.engine.models import Models
from membrowse.engine.notes import NoteReader, Reading
from membrowse.engine.protocol import Change, Progress, Watcher
from membrowse.index.index import Index, NoteChange, Recipe
from membrowse.knowledge.scanning import FolderUnreadable
from membrowse.knowledge.watching import FolderWatch
from membrowse.settings import Settings

log = logging.getLogger(__name__)

INLINE_CHUNKS = 24
"""So few new chunks are encoded at once, with the generation that brings them."""
_BATCH_SECONDS = 2.0
_BATCH_CHUNKS = 1000
_FLUSH_SECONDS = 2.0
_FLUSH_SHARE = 20
"""Storing vectors may take one part in so many of the time."""


@dataclass(frozen=True, slots=True)
class Touched:
    """Paths that the watcher saw change."""

    paths: frozenset[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A client asked for these notes (or, without paths, for whatever differs) to be indexed."""

    paths: frozenset[str]
    rebuild: bool = False


@dataclass(frozen=True, slots=True)
class Paused:
    """A client paused or resumed the indexing of changes."""

    paused: bool


@dataclass(frozen=True, slots=True)
class EncoderLoaded:
    """The encoder became ready, or failed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The engine ends."""


Event = Touched | Asked | Paused | EncoderLoaded | EncodedBatch | RunEnded | Ended


class Indexer:
    """Owns the writing side of `index`. `facts` may be read from any thread."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        index: Index,
        recipe: Recipe,
        models: Models,
        changed: Callable[[], None],
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._index = index
        self._recipe = recipe
        self._models = models
        self._changed = changed
        self._reader = NoteReader(folder, settings.notes, models)
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)
        self._run_of_encoding: EncodingRun | None = None
        self._waiting: list[Encoded] = []
        self._waiting_precision = ""
        self._flush_due = 0.0
        self._flush_pause = _FLUSH_SECONDS
        self._check_due = 0.0
        self.facts = Facts(stale=index.stale)
        engine = settings.engine
        self.watch = FolderWatch(
            folder,
            lambda paths: self.tell(Touched(paths)),
            settle=engine.settle_ms / 1000,
            limit=engine.settle_limit_ms / 1000,
        )

    def start(self) -> None:
        self._thread.start()

    def tell(self, event: Event) -> None:
        """Hand over an event; callable from any thread."""
        self._events.put(event)

    def watcher(self) -> Watcher:
        """How the folder is watched, as of now."""
        watch, facts = self.watch, self.facts
        return Watcher(
            kind=watch.kind,
            alive=watch.alive,
            paused=facts.paused,
            last_event=clock.stamp(watch.last_event) if watch.last_event else "",
            last_check=facts.last_check,
            message=watch.message,
        )

    def close(self, seconds: float = 10.0) -> None:
        """Finish the step at hand and end."""
        self.tell(Ended())
        self._thread.join(seconds)

    def _run(self) -> None:
        self.watch.start()
        if self._index.stale:
            self._rebuild()
        self._synchronise(Asked(frozenset()))
        while True:
            try:
                event = self._events.get(timeout=max(0.0, self._next_due() - time.monotonic()))
            except queue.Empty:
                self._handle_safely(None)
                continue
            if isinstance(event, Ended):
                break
            self._handle_safely(event)
        self._cancel_encoding()
        self.watch.stop()

    def _next_due(self) -> float:
        return min(self._check_due, self._flush_due) if self._waiting else self._check_due

    def _handle_safely(self, event: Event | None) -> None:
        """One event; what goes wrong is shown and logged, and the next event finds us here."""
        try:
            self._handle(event)
        except Exception as error:  # the thread's boundary
            log.exception("indexing failed")
            self._publish(problem=f"indexing failed: {error}; it is tried again", progress=None)
            self._check_due = time.monotonic() + self._settings.engine.check_seconds

    def _handle(self, event: Event | None) -> None:
        match event:
            case Touched() | EncoderLoaded():
                self._synchronise(event)
            case Asked(rebuild=True):
                self._rebuild()
                self._synchronise(event)
            case Asked():
                self._synchronise(event)
            case Paused(paused):
                self._publish(paused=paused)
                self._synchronise(event)
            case EncodedBatch():
                self._accept(event)
            case RunEnded(problem):
                self._run_of_encoding = None
                self._flush()
                self._publish(problem=problem or self.facts.problem)
                self._encode_rest(failed=bool(problem))
            case _:
                self._on_time()

    def _on_time(self) -> None:
        """What is due now: vectors to store, the regular look at the folder."""
        now = time.monotonic()
        if self._waiting and now >= self._flush_due:
            self._flush()
        if now >= self._check_due:
            if not self.watch.alive and self.watch.kind != "none":
                log.warning("the watcher died; starting it again")
                self.watch.restart()
            self._synchronise(None)

    def _publish(self, **changes: object) -> None:
        self.facts = replace(self.facts, **changes)  # type: ignore[arg-type]
        self._changed()

    def _synchronise(self, event: Event | None) -> None:
        """Make the index equal to the folder, as far as that is wanted now."""
        hinted = event.paths if isinstance(event, Touched | Asked) else frozenset()
        try:
            comparison = compare(
                self._folder,
                self._settings.notes,
                self._index.generation.notes,
                self.facts.refusals,
                hinted,
            )
        except FolderUnreadable as error:
            self._publish(problem=str(error), checked=True)
            return
        finally:
            self._check_due = time.monotonic() + self._settings.engine.check_seconds
        self._show(comparison)
        if self.facts.paused and not isinstance(event, Asked):
            return
        forced = event.paths if isinstance(event, Asked) else frozenset()
        self._apply(comparison, forced)
        self._encode_rest()

    def _show(self, comparison: Comparison, problem: str = "") -> None:
        refusals = {
            path: refusal
            for path, refusal in self.facts.refusals.items()
            if path in comparison.refused
        }
        states = {path: refusal.state for path, refusal in refusals.items()}
        self._publish(
            comparison=comparison,
            refusals=refusals,
            pending=comparison.pending(failures(comparison, states)),
            changed=comparison.changed,
            deleted=comparison.deleted,
            last_check=clock.now(),
            checked=True,
            problem=problem,
        )

    def _apply(self, comparison: Comparison, forced: frozenset[str]) -> None:
        """Read what differs and index it, a generation every few seconds."""
        to_read = [*comparison.changed, *comparison.new]
        total = len(to_read)
        changes = [NoteChange(path, None, ()) for path in comparison.deleted]
        refusals: dict[str, Refusal] = {}
        batch = _Batch(changes)
        for done, path in enumerate(to_read):
            known = self._index.generation.notes.get(path)
            reading = self._reader.read(path, known, force=path in forced)
            batch.add(reading)
            if reading.refusal is not None:
                refusals[path] = reading.refusal
            if batch.full:
                self._store(batch)
                batch = _Batch([])
                self._tell_reading(done + 1, total)
        self._store(batch)
        if to_read or comparison.deleted:
            self._settled(comparison, refusals)

    def _settled(self, comparison: Comparison, refusals: Mapping[str, Refusal]) -> None:
        """All differences were dealt with; say so."""
        known = {**self.facts.refusals, **refusals}
        self._publish(refusals=known, progress=None)
        self._show(
            replace(
                comparison,
                new=(),
                changed=(),
                deleted=(),
                refused=(*comparison.refused, *refusals),
            )
        )

    def _tell_reading(self, done: int, total: int) -> None:
        self._publish(
            progress=Progress(
                phase="reading",
                notes_done=done,
                notes_total=total,
                chunks_done=int(self._index.generation.encoded.sum()),
                chunks_total=len(self._index.generation.chunks),
            )
        )

    def _store(self, batch: _Batch) -> None:
        """Bring `batch` into the index as one generation, with vectors if they are few."""
        if batch.unchanged:
            self._index.touch(batch.unchanged)
        if not batch.changes:
            return
        generation = self._index.apply(
            batch.changes, self._encoded_inline(batch.changes), precision="float32"
        )
        log.info(
            "generation %d: %d notes, %d chunks in all",
            generation.number,
            len(batch.changes),
            len(generation.chunks),
        )
        self._publish(last_change=_change(batch.changes))

    def _encoded_inline(self, changes: Iterable[NoteChange]) -> list[Encoded]:
        encoder = self._models.encoder
        if encoder is None:
            return []
        texts = {
            text.key: text for change in changes for text in self._index.to_encode(change.chunks)
        }
        missing = texts.keys() - self._index.cached(texts.keys())
        if not missing or len(missing) > INLINE_CHUNKS:
            return []
        return encoder.encode([texts[key] for key in sorted(missing)])

    def _rebuild(self) -> None:
        """Forget the index; the sync that follows builds it again."""
        log.info("rebuilding the index (%s)", self._index.stale or "asked for")
        self._cancel_encoding()
        self._publish(stale=self._index.stale, refusals={}, progress=Progress(phase="reading"))
        self._index.clear(self._recipe)

    def _encode_rest(self, *, failed: bool = False) -> None:
        """Start encoding what has no vector yet, unless that runs already."""
        models = self._models
        if self._run_of_encoding is not None:
            return
        texts = [] if models.encoder is None or failed else self._index.unencoded()
        if not texts or models.encoder is None or models.files is None:
            self._publish(progress=None, stale=self._index.stale)
            return
        log.info("encoding %d chunks", len(texts))
        self._run_of_encoding = EncodingRun(
            texts, models.files, models.encoder, self._settings.encoder.precision, self.tell
        )
        self._run_of_encoding.start()
        self._tell_encoding(self._run_of_encoding)

    def _cancel_encoding(self) -> None:
        if self._run_of_encoding is not None:
            self._run_of_encoding.cancel()
            self._run_of_encoding = None
        self._flush()

    def _accept(self, batch: EncodedBatch) -> None:
        run = self._run_of_encoding
        if run is None:
            return
        run.accept(batch)
        if not self._waiting:
            self._flush_due = time.monotonic() + self._flush_pause
        self._waiting.extend(batch.encoded)
        self._waiting_precision = batch.precision
        self._tell_encoding(run)
        if time.monotonic() >= self._flush_due:
            self._flush()

    def _flush(self) -> None:
        """Store the vectors that wait, as one generation."""
        if not self._waiting:
            return
        started = time.monotonic()
        self._index.add_vectors(self._waiting, self._waiting_precision)
        self._waiting = []
        took = time.monotonic() - started
        self._flush_pause = max(_FLUSH_SECONDS, took * _FLUSH_SHARE)
        self._publish(precision=self._waiting_precision)

    def _tell_encoding(self, run: EncodingRun) -> None:
        generation = self._index.generation
        self._publish(
            progress=Progress(
                phase="encoding",
                notes_done=len(generation.notes),
                notes_total=len(generation.notes),
                chunks_done=int(generation.encoded.sum()) + len(self._waiting),
                chunks_total=len(generation.chunks),
                chunks_per_second=run.rate,
                seconds_left=run.seconds_left,
            )
        )


class _Batch:
    """Notes read, up to what makes a generation."""

    def __init__(self, changes: list[NoteChange]) -> None:
        self.changes = changes
        self.unchanged: list[object] = []
        self._chunks = 0
        self._due = time.monotonic() + _BATCH_SECONDS

    def add(self, reading: Reading) -> None:
        if reading.change is not None:
            self.changes.append(reading.change)
            self._chunks += len(reading.change.chunks)
        if reading.unchanged is not None:
            self.unchanged.append(reading.unchanged)

    @property
    def full(self) -> bool:
        return self._chunks >= _BATCH_CHUNKS or time.monotonic() >= self._due


def _change(changes: list[NoteChange]) -> Change:
    return Change(
        at=clock.now(),
        path=changes[0].path if len(changes) == 1 else "",
        notes=len(changes),
        chunks=sum(len(change.chunks) for change in changes),
    )
