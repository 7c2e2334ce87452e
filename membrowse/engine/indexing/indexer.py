"""The only writer: keeps the index equal to the folder, one event at a time, on its own thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from membrowse import sqlite
from membrowse.counts import counted
from membrowse.engine import clock
from membrowse.engine.indexing.disk_space import DiskNearlyFull, DiskSpace
from membrowse.engine.indexing.encoding_run import EncodedBatch, RunEnded
from membrowse.engine.indexing.event_queue import EventQueue
from membrowse.engine.indexing.events import (
    EncoderLoaded,
    Event,
    FilesTouched,
    IndexRequested,
    Paused,
    Stopped,
)
from membrowse.engine.indexing.folder_comparison import Comparison, compare, failures
from membrowse.engine.indexing.folder_identity import Exchanged, FolderIdentity, divided
from membrowse.engine.indexing.indexer_state import IndexerState, UnindexedNote, index_change
from membrowse.engine.indexing.note_reader import Batch, NoteReader
from membrowse.engine.indexing.pace import Pace
from membrowse.engine.indexing.vectoriser import INLINE_PRECISION, Vectoriser
from membrowse.engine.models import Models
from membrowse.index.change_plan import NoteChange
from membrowse.index.generation import Generation
from membrowse.index.manifest import Recipe
from membrowse.index.protocols import SearchIndex
from membrowse.index.store_errors import StoreUnavailable
from membrowse.notes.root_access import RootAccess, RootStuck
from membrowse.notes.scanner import FolderUnreadable
from membrowse.notes.tree_scanner import TreeScanner
from membrowse.notes.tree_watch import TreeWatch
from membrowse.roots import Roots
from membrowse.settings import Settings
from membrowse.text import shown
from membrowse.wire.engine import Progress, Watcher
from membrowse.wire.notes import NoteState

log = logging.getLogger(__name__)

_FIRST_BATCH_SECONDS = 0.5
"""Time of reading the first batch; each further batch takes twice as long."""
_BATCH_SECONDS = 10.0
"""Longest time of reading a batch. Large batches make few segments."""
_TICK_SECONDS = 1.0
"""Time between two published states while the encoder is loading."""
_STORE_SECONDS = 5.0
"""Time until an index's store that did not answer is tried again; doubled with each failure."""
_LISTED = 1000
"""Limit of the lists of changed and deleted notes in the state."""
_LOGGED = 20


class Indexer:
    """Owns all writing to `index`. `state` may be read from any thread."""

    def __init__(
        self,
        roots: Roots,
        settings: Settings,
        index: SearchIndex,
        recipe: Recipe,
        models: Models,
        changed: Callable[[], None],
    ) -> None:
        self._roots = roots
        access = RootAccess(roots)
        self._scanner = TreeScanner(roots, access)
        self._settings = settings
        self._index = index
        self._recipe = recipe
        self._changed = changed
        self._identity = FolderIdentity.of(index.directory)
        self._disk = DiskSpace(roots.folder, index.directory, settings.engine.reserve_mb)
        self._reader = NoteReader(roots, settings.notes, models, access)
        self.events = EventQueue()
        self._vectoriser = Vectoriser(index, models, settings.encoder.precision, self.events.put)
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)
        self._check_due = 0.0
        self._store_pause = _STORE_SECONDS
        self._store_due = float("inf")
        """When (monotonic seconds) to see whether the index's store answers again."""
        self._hinted: frozenset[str] = frozenset()
        """Paths that may have changed and have not been read since."""
        self._renewed: frozenset[str] = frozenset()
        """Notes of a stale index that were indexed again; a root that is missing leaves others."""
        self._failed: frozenset[str] = frozenset()
        self._has_room = True
        """Whether the last attempt to store something found room on the disk."""
        self.state = IndexerState(stale=index.stale, precision=self._vectoriser.precision)
        engine = settings.engine
        self._watch = TreeWatch(
            roots,
            lambda paths: self.events.put(FilesTouched(paths)),
            settle=engine.settle_ms / 1000,
            limit=engine.settle_limit_ms / 1000,
        )

    def start(self) -> None:
        self._thread.start()

    def watcher(self) -> Watcher:
        """The state of the watcher."""
        watch, state = self._watch, self.state
        restarted_at = watch.restarted_at  # before `alive`: a watch restarted by now is alive
        return Watcher(
            kind=watch.kind,
            alive=watch.alive,
            paused=state.paused,
            last_event=clock.stamp(watch.last_event) if watch.last_event else "",
            last_check=state.last_check,
            restarted_at=clock.stamp(restarted_at) if restarted_at else "",
            restarts=watch.restarts,
            message=watch.message,
        )

    def close(self, seconds: float = 10.0) -> None:
        """Finish the current step and stop."""
        self.events.put(Stopped())
        self._thread.join(seconds)

    def _run(self) -> None:
        self._watch.start()
        unreadable = bool(self._index.stale) and not self._index.generation.notes
        self._handle_safely(IndexRequested(rebuild=unreadable))
        while not isinstance(event := self.events.take(self._next_deadline()), Stopped):
            self._handle_safely(event)
        try:
            self._vectoriser.cancel()
        except Exception as error:  # the thread's boundary: these vectors are made again
            log.warning("the last vectors could not be stored: %s", error)
        self._watch.stop()

    def _next_deadline(self) -> float:
        """When (monotonic seconds) something is to be done without an event."""
        due = min(self._check_due, self._store_due, self._vectoriser.flush_due)
        if self._vectoriser.waits_for_encoder:
            return min(due, time.monotonic() + _TICK_SECONDS)
        return due

    def _handle_safely(self, event: Event | None) -> None:
        """Handle one event; a failure is shown and logged, and the loop goes on."""
        try:
            self._handle(event)
        except DiskNearlyFull as error:
            self._wait_for_room(event, str(error))
        except StoreUnavailable as error:
            self._wait_for_retry(event, str(error))
            self._store_due = time.monotonic() + self._store_pause
            self._store_pause = min(2 * self._store_pause, self._settings.engine.check_seconds)
        except Exception as error:  # the thread's boundary
            if problem := self._disk.explain(error):
                self._wait_for_room(event, problem)
                return
            log.exception("indexing failed; retrying soon; `membrowse doctor` looks for the cause")
            self._wait_for_retry(event, f"indexing failed: {sqlite.reason(error)}; retrying soon")

    def _wait_for_room(self, event: Event | None, problem: str) -> None:
        """Store nothing until there is room; the log says so once, not at every attempt."""
        if self._has_room:
            log.warning("%s", problem)
        self._has_room = False
        self._vectoriser.abandon()
        self._wait_for_retry(event, problem)

    def _found_room(self) -> None:
        if not self._has_room:
            log.info("indexing goes on")
        self._has_room = True

    def _wait_for_retry(self, event: Event | None, problem: str) -> None:
        """Report `problem`, which ended the work on `event`; the next check tries again."""
        started = self.state.started + isinstance(event, IndexRequested)
        self._publish(problem=problem, progress=None, checked=True, started=started)
        self._check_due = time.monotonic() + self._settings.engine.check_seconds

    def _handle(self, event: Event | None) -> None:
        match event:
            case FilesTouched(paths):
                if not self._index_saved(paths):
                    self._synchronise(hinted=paths)
            case IndexRequested():
                self._handle_request(event)
            case Paused(paused):
                self._publish(paused=paused)
                self._synchronise()
            case EncodedBatch():
                self._disk.require()
                self._vectoriser.accept(event)
                self._publish_encoding()
            case RunEnded(problem):
                self._vectoriser.end()
                self._publish_encoding()
                if problem:
                    self._publish(problem=problem)
                else:
                    self._found_room()
                    self._encode()
            case EncoderLoaded():
                self._synchronise()
            case _:
                self._on_time()

    def _on_time(self) -> None:
        """Do what is due: store vectors, check the folder and the watcher, show progress."""
        now = time.monotonic()
        if now >= self._store_due:
            self._see_store(now)
        if self._vectoriser.waits_for_encoder:
            self._publish_encoding()
        if now >= self._vectoriser.flush_due:
            self._vectoriser.flush()
            self._publish_encoding()
        if now >= self._check_due:
            message = self._watch.message
            if self._watch.revive():
                log.warning("the watcher died (%s); restarting it", message)
            self._synchronise()

    def _see_store(self, now: float) -> None:
        """Let the check of the folder be due if the index's store answers again."""
        if self._index.problem:
            self._store_due = now + _STORE_SECONDS
        else:
            self._check_due, self._store_due = now, float("inf")

    def _publish(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]
        self._changed()

    def _handle_request(self, asked: IndexRequested) -> None:
        """Do what a client requested, even if indexing is paused."""
        if asked.rebuild:
            self._disk.require()
            self._clear()
        self._synchronise(hinted=asked.paths, forced=asked.paths, even_if_paused=True)
        self._publish(started=self.state.started + 1)

    def _clear(self) -> None:
        """Empty the index; the synchronisation that follows rebuilds it."""
        log.info("rebuilding the index (%s)", self._index.stale or "requested")
        self._vectoriser.cancel()
        progress = Progress(phase="reading")
        self._publish(stale=self._index.stale, unindexed={}, progress=progress, reading=True)
        self._index.clear(self._recipe)
        self._renewed = frozenset()

    def _synchronise(
        self,
        *,
        hinted: frozenset[str] = frozenset(),
        forced: frozenset[str] = frozenset(),
        even_if_paused: bool = False,
    ) -> None:
        """Make the index equal to the folder, unless indexing is paused (and not `even_if_paused`).

        `hinted` paths are read even if their size and time are unchanged, `forced` paths indexed
        even if their content is unchanged. A stale index answers while every note is indexed again.
        """
        self._check_due = time.monotonic() + self._settings.engine.check_seconds
        notes, unindexed = self._index.generation.notes, self.state.unindexed
        if self._index.stale:
            hinted = forced = frozenset(notes) - self._renewed
        paused = self.state.paused and not even_if_paused
        self._hinted |= hinted
        hints = frozenset() if paused else self._hinted  # unread, so not known to have changed
        try:
            files = self._scanner.scan(self._settings.notes)
        except FolderUnreadable as error:
            self._publish(checked=True, last_check=clock.now())
            self._give_up(error.strerror or str(error))
            return
        found = compare(files, notes, unindexed, hints)
        self._publish(last_check=clock.now())
        self._watch.follow(files)
        exchanged = self._identity.exchanged(self._roots, notes, found.found)
        if self._roots.is_collection:
            exchanged = self._withhold_roots(exchanged, found)
        usable, withheld = divided(found, exchanged)
        self._publish_comparison(usable if self._roots.is_collection else found)
        if problem := _whole_folder(exchanged, self._roots):
            self._give_up(problem)
            return
        if paused:
            self._publish(problem="")
            return
        self._hinted = frozenset(filter(self._roots.is_unavailable, self._hinted))
        self._apply(usable, forced)
        problem = ""
        if not exchanged:
            self._identity.remember(self._roots, found.found)
        elif not self._roots.is_collection:
            self._publish_comparison(withheld)
            problem = exchanged[0].problem(self._roots)
        if not exchanged and not self.state.roots:
            self._adopt_recipe()
        if self.state.reading:
            self._publish(reading=False)
        self._log_failures()
        self._encode()
        self._store_pause = _STORE_SECONDS
        self._publish(problem=problem)

    def _index_saved(self, paths: frozenset[str]) -> bool:
        """Index notes that were saved without looking at other files; whether that was enough.

        The rest of the folder must be as indexed since it was last compared.
        """
        state, before = self.state, self.state.comparison
        pending = before.new or before.changed or before.deleted or self._hinted
        odd = state.problem or state.roots or state.paused or state.reading or self._index.stale
        saved = None
        if state.checked and not pending and not odd and paths.isdisjoint(before.unindexed):
            saved = self._scanner.saved(paths, before.found, self._settings.notes)
        if saved is None:
            return False
        found = replace(before, found={**before.found, **saved}, changed=tuple(saved))
        self._publish_comparison(found)
        self._apply(found, frozenset())
        self._log_failures()
        self._encode()
        return True

    def _log_failures(self) -> None:
        """Log every file that cannot be indexed, once until it can be."""
        found, unindexed = self.state.comparison.found, self.state.unindexed
        failed = {path: file.reason for path, file in found.items() if _failed(file.excluded)}
        failed |= {path: note.reason for path, note in unindexed.items() if _failed(note.state)}
        new = sorted(failed.keys() - self._failed)
        for path in new[:_LOGGED]:
            log.warning("%s %s", shown(path), failed[path])
        if len(new) > _LOGGED:
            log.warning("and %s cannot be indexed", counted(len(new) - _LOGGED, "more file"))
        self._failed = frozenset(failed)

    def _withhold_roots(self, exchanged: list[Exchanged], found: Comparison) -> list[Exchanged]:
        """Publish which roots of the collection keep their part of the index as it is, and why.

        Returns `exchanged` as whole roots: nothing is indexed below them.
        """
        problems = {
            name: found.found[f"{name}/"].reason for name in sorted(self._roots.unavailable)
        }
        for one in exchanged:
            problems.setdefault(self._roots.root_of(one.prefix).name, one.problem(self._roots))
        self._roots.unavailable = frozenset(problems)
        if problems != self.state.roots:
            for name, problem in problems.items():
                log.warning("the root %s: %s", name, problem)
            self._publish(roots=problems)
        return [replace(one, prefix=self._roots.root_of(one.prefix).prefix) for one in exchanged]

    def _adopt_recipe(self) -> None:
        """All notes were read with today's recipe, so that the index is of it."""
        if self._index.stale:
            log.info("the index was renewed (%s)", self._index.stale)
            self._index.adopt_recipe()
            self._renewed = frozenset()

    def _give_up(self, problem: str) -> None:
        """Keep the index as it is because of `problem`."""
        if problem != self.state.problem:
            log.warning("%s: the index stays as it is", problem)
        progress = self._vectoriser.progress()
        self._publish(problem=problem, reading=False, progress=progress)

    def _publish_comparison(self, comparison: Comparison) -> None:
        """Publish how the folder differs from the index."""
        unindexed = {path: self.state.unindexed[path] for path in comparison.unindexed}
        states = {path: note.state for path, note in unindexed.items()}
        self._publish(
            comparison=comparison,
            unindexed=unindexed,
            pending=comparison.pending(failures(comparison, states)),
            changed=comparison.changed[:_LISTED],
            deleted=comparison.deleted[:_LISTED],
            checked=True,
        )

    def _apply(self, comparison: Comparison, forced: frozenset[str]) -> None:
        """Read and index what differs, one generation every few seconds."""
        to_read = [*comparison.changed, *comparison.new]
        if not to_read and not comparison.deleted:
            return
        unindexed: dict[str, UnindexedNote] = {}
        unread: dict[str, str] = {}
        removed = [NoteChange(path, None, ()) for path in comparison.deleted]
        seconds = _FIRST_BATCH_SECONDS
        batch, pace = Batch(removed, seconds), Pace(len(to_read))
        for done, path in enumerate(to_read, start=1):
            known = self._index.generation.notes.get(path)
            try:
                reading = self._reader.read(path, known, force=path in forced)
            except RootStuck as stuck:
                unread[path] = str(stuck)
                continue
            batch.add(reading)
            if reading.unindexed is not None:
                unindexed[path] = reading.unindexed
            if batch.full:
                self._index_batch(batch)
                seconds = min(2 * seconds, _BATCH_SECONDS)
                batch = Batch([], seconds)
                self._publish_left(comparison, done, unindexed)
            if pace.due():
                self._publish_reading(done, pace)
        self._index_batch(batch)
        self._publish_left(comparison, len(to_read), unindexed)
        if self._index.stale:
            self._renewed |= forced.intersection(comparison.changed) - unread.keys()
        self._leave(unread)

    def _leave(self, unread: Mapping[str, str]) -> None:
        """Leave the roots of notes that could not be read, for a reason each, to the next check."""
        if not unread:
            return
        problems = {path.partition("/")[0]: reason for path, reason in unread.items()}
        self._hinted |= unread.keys()
        self._roots.unavailable |= problems.keys()
        self._publish(roots={**self.state.roots, **problems})
        self._check_due = 0.0

    def _publish_left(
        self, comparison: Comparison, done: int, unindexed: Mapping[str, UnindexedNote]
    ) -> None:
        """Publish what is left of `comparison` after `done` of its notes (changed ones first)."""
        self._publish(unindexed={**self.state.unindexed, **unindexed}, problem="")
        self._publish_comparison(
            replace(
                comparison,
                new=comparison.new[max(0, done - len(comparison.changed)) :],
                changed=comparison.changed[done:],
                deleted=(),
                unindexed=(*comparison.unindexed, *unindexed),
            )
        )

    def _index_batch(self, batch: Batch) -> None:
        """Index `batch` as one generation, with vectors if there are few."""
        if batch.unchanged:
            self._index.touch(batch.unchanged)
        if not batch.changes:
            return
        self._disk.require()
        encoded = self._vectoriser.inline(batch.changes)

        def published(generation: Generation) -> None:
            notes = counted(len(batch.changes), "note")
            chunks = counted(len(generation.chunks), "chunk")
            log.info("generation %d: %s, %s in all", generation.number, notes, chunks)
            self._publish(last_change=index_change(batch.changes))

        self._index.apply(batch.changes, encoded, INLINE_PRECISION, published)
        self._found_room()

    def _encode(self) -> None:
        self._vectoriser.begin(self._disk.require)
        self._publish(stale=self._index.stale)
        self._publish_encoding()

    def _publish_encoding(self) -> None:
        vectoriser = self._vectoriser
        self._publish(progress=vectoriser.progress(), precision=vectoriser.precision)

    def _publish_reading(self, done: int, pace: Pace) -> None:
        generation = self._index.generation
        self._publish(
            progress=Progress(
                phase="reading",
                notes_done=done,
                notes_total=pace.total,
                chunks_done=int(generation.encoded.sum()),
                chunks_total=len(generation.chunks),
                seconds_left=pace.seconds_left(done),
            )
        )


def _failed(state: NoteState | None) -> bool:
    return state is NoteState.FAILED


def _whole_folder(exchanged: list[Exchanged], roots: Roots) -> str:
    """Why nothing in the folder may be indexed, or empty."""
    whole = (one.problem(roots) for one in exchanged if not one.prefix)
    return next(whole, "")
