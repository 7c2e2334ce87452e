"""Keeps the index equal to a store: reads it when asked, and now and then, on its own thread.

Takes the place of `Indexer`, which does the same for a folder.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from membrowse import paths, sqlite
from membrowse.counts import counted
from membrowse.encoding.model_files import BUNDLED
from membrowse.engine import clock
from membrowse.engine.foreign_store.record_notes import RecordNote, record_note, unindexable
from membrowse.engine.foreign_store.store_encoder import (
    StoreEncoder,
    VectorMatch,
    bundled,
    incomparability,
)
from membrowse.engine.indexing.disk_space import DiskNearlyFull, DiskSpace
from membrowse.engine.indexing.event_queue import EventQueue
from membrowse.engine.indexing.events import EncoderLoaded, Event, IndexRequested, Paused, Stopped
from membrowse.engine.indexing.folder_comparison import Comparison
from membrowse.engine.indexing.indexer_state import IndexerState, UnindexedNote, index_change
from membrowse.engine.models import Models
from membrowse.index.change_plan import NoteChange
from membrowse.index.generation import EmbeddedGeneration, Generation
from membrowse.index.index import Index
from membrowse.index.manifest import Recipe
from membrowse.notes.scanner import ScannedFile
from membrowse.roots import Roots
from membrowse.settings import Settings
from membrowse.shell_commands import command
from membrowse.stores.directory import OpenedStore, directory_of
from membrowse.stores.messages import Description, Progressed, ReadStore
from membrowse.stores.reader import StoreReader
from membrowse.stores.source import StoreUnreadable
from membrowse.stores.spool import Spool, SpooledNote
from membrowse.wire.engine import Pending, Progress, Watcher
from membrowse.wire.notes import NoteState

log = logging.getLogger(__name__)

READING = "store.json"
"""In the index's directory: what the last reading found."""
_SPOOL = "records.sqlite"
_BATCH_RECORDS = 1000
_PRECISION = "float32"
_RETRY_SECONDS = 60.0
"""After a store could not be read, it is tried again no sooner than the interval, or this."""
_LARGEST_READING = 64 << 20


class IndexContent(msgspec.Struct, frozen=True):
    """What an index has, as far as damage, a restore or a kill changes it."""

    generation: int = 0
    notes: int = 0
    encoded: int = 0
    """Number of chunks with a vector."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the last reading found, kept between engines."""

    description: Description | None = None
    skipped: dict[str, str] = {}
    """Notes that are not indexed, and why."""
    encoder: str = ""
    """`StoreIndexer._encoder_key` when the encoder was compared with the vectors."""
    model: str = ""
    """`encoder.model` of that encoder."""
    configured: str = ""
    """`encoder.model` in the settings, when it was compared."""
    incomparable: str = ""
    """Why its queries cannot be compared with them."""
    content: IndexContent = IndexContent()
    """Content of the index after the reading."""


class StoreIndexer:
    """Owns all writing to `index`. `state` may be read from any thread."""

    def __init__(
        self,
        store: OpenedStore,
        roots: Roots,
        reader: StoreReader,
        settings: Settings,
        index: Index,
        recipe: Recipe,
        models: Models,
        match: VectorMatch,
        changed: Callable[[], None],
        configured: str = "",
    ) -> None:
        """`configured` is `encoder.model` of the person, which may not be that of `settings`."""
        self._store = store
        self._roots = roots
        self._settings = settings
        self._index = index
        self._recipe = recipe
        self._models = models
        self._match = match
        self._changed = changed
        self._configured = configured
        self._reader = reader
        own = directory_of(store.address)
        self._disk = DiskSpace(own, index.directory, settings.engine.reserve_mb)
        self.events = EventQueue()
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)
        self._due = 0.0
        self._reading = last_reading(index.directory)
        intact = self._reading.content == _content(index.generation)
        if not intact and not index.stale:
            index.stale = "it is not as the last reading left it"
        self.state = IndexerState(stale=index.stale, precision=_PRECISION, unread=True)
        if self.description is not None and intact:
            self.state = replace(self.state, reading=False, unread=False, **self._files())
            if self._reading.encoder == self._encoder_key:
                match.incomparable = self._reading.incomparable

    @property
    def description(self) -> Description | None:
        """The collection as it was last read; None before the first time."""
        return self._reading.description

    @property
    def _encoder_key(self) -> str:
        """The encoder, and whether the person said that it made the vectors."""
        files = self._models.files
        key = files.identity.key if files is not None else ""
        return f"{key}, said" if self._store.encoder else key

    def start(self) -> None:
        self._thread.start()

    def watcher(self) -> Watcher:
        """How the store is followed."""
        state, minutes = self.state, self._settings.stores.refresh_minutes
        how = f"read again every {minutes:g} min" if minutes else "read again when asked"
        return Watcher(kind="store", paused=state.paused, last_check=state.last_check, message=how)

    def close(self, seconds: float = 10.0) -> None:
        """End what is being read, finish the current change, and stop."""
        self.events.put(Stopped())
        self._reader.close()
        self._thread.join(seconds)

    def _run(self) -> None:
        self._handle_safely(IndexRequested())
        while not isinstance(event := self.events.take(self._due), Stopped):
            self._handle_safely(event)

    def _handle_safely(self, event: Event | None) -> None:
        """Handle one event; a failure is shown, and the index stays as it is."""
        try:
            self._handle(event)
        except (StoreUnreadable, DiskNearlyFull) as error:
            self._fail(event, str(error))
        except Exception as error:  # the thread's boundary
            problem = self._disk.explain(error)
            if not problem:
                log.exception("the store cannot be indexed: `membrowse doctor` checks it")
            self._fail(event, problem or f"the store cannot be indexed: {sqlite.reason(error)}")

    def _fail(self, event: Event | None, problem: str) -> None:
        log.warning("%s", problem)
        self._roots.unavailable = frozenset({""})
        self._schedule(failed=True)
        if self.description is None:
            self._set_match(problem)
        started = self.state.started + isinstance(event, IndexRequested)
        self._publish(problem=problem, progress=None, checked=True, reading=False, started=started)

    def _handle(self, event: Event | None) -> None:
        match event:
            case IndexRequested(rebuild=rebuild):
                self._synchronise(rebuild=rebuild)
                self._publish(started=self.state.started + 1)
            case Paused(paused):
                self._publish(paused=paused)
            case EncoderLoaded():
                self._compare_encoder()
            case _:
                self._schedule()
                if not self.state.paused:
                    self._synchronise()

    def _schedule(self, *, failed: bool = False) -> None:
        """Set when the store is to be read next."""
        seconds = self._settings.stores.refresh_minutes * 60.0
        if seconds and failed:
            seconds = max(seconds, _RETRY_SECONDS)
        self._due = time.monotonic() + (seconds or threading.TIMEOUT_MAX / 2)

    def _publish(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)
        self._changed()

    def _synchronise(self, *, rebuild: bool = False) -> None:
        """Read the store, and make the index equal to it. Raises `StoreUnreadable`."""
        self._disk.require()
        lost = self._reading.content != _content(self._index.generation)
        everything = rebuild or lost or bool(self._index.stale)
        self._publish(progress=Progress(phase="reading"))
        self._clear_directory()
        try:
            found = self._read(everything)
            if found is not None:
                skipped = self._index_spool(found, rebuild=rebuild)
                content = _content(self._index.generation)
                read = {"description": found, "skipped": skipped, "content": content}
                self._remember(msgspec.structs.replace(self._reading, encoder="", **read))
                self._publish(**self._files())
        finally:
            self._clear_directory()
        self._compare_encoder()
        self._roots.unavailable = frozenset()
        self._schedule()
        self._publish(
            progress=None,
            problem="",
            reading=False,
            unread=False,
            checked=True,
            last_check=clock.now(),
            stale=self._index.stale,
            pending=Pending(failed=self.state.pending.failed),
        )

    def _read(self, everything: bool) -> Description | None:
        """Read the store into the spool; None if it is as it was."""
        known, work = self.description, self._index.directory
        asked = ReadStore(
            store=self._store,
            directory=str(work),
            spool=_SPOOL,
            root=known.root if known and not everything else "",
            known=known.fingerprint if known and not everything else "",
        )
        return self._reader.read(asked, self._show_progress)

    def _show_progress(self, progressed: Progressed) -> None:
        self._publish(
            progress=Progress(
                phase="reading", chunks_done=progressed.records, chunks_total=progressed.total
            )
        )

    def _index_spool(self, found: Description, *, rebuild: bool) -> dict[str, str]:
        """Index what differs, a generation every thousand records; returns what is skipped."""
        spool = Spool(self._index.directory / _SPOOL)
        try:
            if rebuild:
                self._index.clear(self._recipe)
            if found.dimension:
                self._index.change_dimension(found.dimension)
            notes = {note.path: note for note in spool.notes()}
            skipped = self._apply(spool, notes)
        finally:
            spool.close()
        if self._index.stale:
            self._index.adopt_recipe()
        return skipped

    def _apply(self, spool: Spool, notes: dict[str, SpooledNote]) -> dict[str, str]:
        """Index the notes that differ; returns those without text, and why they are left out."""
        known = self._index.generation.notes
        gone = [path for path in known if path not in notes]
        batch = [RecordNote(NoteChange(path, None, ()), ()) for path in gone]
        skipped: dict[str, str] = {}
        records = 0
        for done, (path, note) in enumerate(notes.items(), start=1):
            if path in known and known[path].sha256 == note.digest and not self._index.stale:
                continue
            content = spool.records(path)
            if reason := unindexable(content):
                skipped[path] = reason
                batch.append(RecordNote(NoteChange(path, None, ()), ()))
            else:
                batch.append(record_note(note, content, self._index.recipe.encoder))
            records += note.records
            if records >= _BATCH_RECORDS:
                self._apply_batch(batch)
                batch, records = [], 0
                self._show_indexed(done, len(notes))
        self._apply_batch(batch)
        return skipped

    def _apply_batch(self, batch: list[RecordNote]) -> None:
        if not batch:
            return
        self._disk.require()
        changes = [each.change for each in batch]
        encoded = [vector for each in batch for vector in each.encoded]

        def published(generation: Generation) -> None:
            log.info("generation %d: %s", generation.number, counted(len(changes), "note"))
            self._publish(last_change=index_change(changes))

        self._index.apply(changes, encoded, _PRECISION, published)

    def _show_indexed(self, done: int, total: int) -> None:
        generation = self._index.generation
        self._publish(
            progress=Progress(
                phase="indexing",
                notes_done=done,
                notes_total=total,
                chunks_done=len(generation.chunks),
            )
        )

    def _files(self) -> dict[str, Any]:
        """The state's part on notes, as files, and on chunks that will never have a vector."""
        generation, skipped = self._index.generation, self._reading.skipped
        sizes = {path: note.size for path, note in generation.notes.items()}
        found = {
            path: ScannedFile(path, size, 0, None, "")
            for path, size in (sizes | dict.fromkeys(skipped, 0)).items()
        }
        return {
            "comparison": Comparison(found=found, unindexed=tuple(skipped)),
            "unindexed": {
                path: UnindexedNote(0, 0, NoteState.SKIPPED, reason)
                for path, reason in skipped.items()
            },
            "records": _how_read(self.description),
            "vectorless": int((~generation.encoded).sum()),
        }

    def _compare_encoder(self) -> None:
        """See whether the encoder, if it is loaded, made the store's vectors."""
        encoder, files = self._models.encoder, self._models.files
        if encoder is None or files is None or self.description is None:
            return
        if self._reading.encoder == self._encoder_key:
            self._set_match(self._reading.incomparable)
            return
        reason = incomparability(
            self._index.generation,
            encoder.inner if isinstance(encoder, StoreEncoder) else encoder,
            name=files.name,
            model=self.description.model,
            said=bool(self._store.encoder),
            address=self._store.address,
        )
        if reason and bundled(self.description.model) and not files.bundled:
            restart = command("engine restart", directory_of(self._store.address))
            reason += f"; {restart} takes {BUNDLED}, which the store names"
        self._remember(
            msgspec.structs.replace(
                self._reading,
                encoder=self._encoder_key,
                model=files.model,
                configured=self._configured,
                incomparable=reason,
            )
        )
        self._set_match(reason)

    def _set_match(self, incomparable: str) -> None:
        self._match.incomparable = incomparable
        self._models.remark(incomparable)
        self._changed()

    def _remember(self, reading: Reading) -> None:
        self._reading = reading
        paths.replace_file(self._index.directory / READING, msgspec.json.encode(reading))

    def _clear_directory(self) -> None:
        """Delete every copy but that of the last reading, and what a kill left behind."""
        kept = self.description.copy if self.description else ""
        (self._index.directory / _SPOOL).unlink(missing_ok=True)
        for copy in self._index.directory.glob("copy-*"):
            if copy.name != kept:
                _remove(copy)


def _how_read(found: Description | None) -> tuple[str, ...]:
    if found is None:
        return ()
    compared = f", which its own search compares by {found.space}" if found.space else ""
    vectors = (
        f"vectors of {counted(found.dimension, 'dimension')}{compared}" if found.dimension else ""
    )
    parts = (f"collection {found.collection}", f"metadata of {found.preset}", *found.facts, vectors)
    return tuple(filter(None, parts))


def _content(generation: EmbeddedGeneration) -> IndexContent:
    return IndexContent(generation.number, len(generation.notes), int(generation.encoded.sum()))


def _remove(copy: Path) -> None:
    if copy.is_dir() and not copy.is_symlink():
        shutil.rmtree(copy, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            copy.unlink()


def last_reading(directory: Path) -> Reading:
    """What the last reading found, which is kept in an index's directory; else an empty one."""
    try:
        content = paths.read_regular(directory / READING, _LARGEST_READING)
        return msgspec.json.decode(content, type=Reading)
    except (OSError, msgspec.MsgspecError):
        return Reading()
