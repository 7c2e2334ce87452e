"""The folder's pins, kept run: after every change of the index they are put to it again, on a
thread that gives way to queries.

Who weighs a change asks `Pins.outcomes` (other settings) or `Pins.outcomes_over` (another, maybe
only supposed, generation) for its collateral.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from membrowse.engine import clock
from membrowse.engine.pins.history import FILE, PinHistory, Point
from membrowse.engine.pins.movements import moved
from membrowse.engine.pins.pin_file import PinFile, Stamp
from membrowse.engine.pins.pin_format import ParsedPins
from membrowse.engine.pins.runs import PinMatch, PinRunner, holds, measures
from membrowse.engine.priority import BackgroundWork, Cancelled, Pause, QueryTraffic
from membrowse.engine.querying.ranked_queries import RankedQueries
from membrowse.index.generation import Generation
from membrowse.index.index import Index
from membrowse.ranking.late_interaction import HasTokenVectors
from membrowse.settings import Settings
from membrowse.wire.pins import Pin, PinResult, PinRun, PinsState

log = logging.getLogger(__name__)


def no_pause() -> None:
    """For work that is short, or nobody's to cancel."""


@dataclass(frozen=True, slots=True)
class _Key:
    """What a run is over; another one is due when this is another."""

    generation: int
    settings: str
    file: Stamp | None
    settled: bool


@dataclass(frozen=True, slots=True)
class _Run:
    key: _Key
    generation: Generation
    settings: Settings
    record: PinRun
    standings: Mapping[str, PinMatch]
    """By the pin's id."""


class Pins:
    """Keeps a run of the pins in `file` up to date; safe to use from several threads.

    `settled` says whether the index is what the folder is, all of it encoded: only then a run is
    begun by itself and remembered. `changed` is called when `state` changed.
    """

    def __init__(
        self,
        file: Path,
        index: Index,
        ranked_queries: RankedQueries,
        settled: Callable[[], bool],
        traffic: QueryTraffic,
        changed: Callable[[], None],
    ) -> None:
        self.file = PinFile(file)
        self.state = PinsState()
        self._index = index
        self._configuration = ranked_queries.configuration
        self._settled = settled
        self._changed = changed
        self._runs = PinRunner(ranked_queries)
        self._history = PinHistory(index.directory / FILE)
        self._courtesy = BackgroundWork(traffic)
        self._last: _Run | None = None
        self._failed: _Key | None = None
        self._running = threading.Lock()
        self._woken = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._keep_current, name="pins", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Something may have changed: have a look. Returns at once."""
        self._woken.set()

    def close(self, seconds: float = 5.0) -> None:
        """End; the pin at hand is finished."""
        self._ended = True
        self._courtesy.cancel()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        self._history.close()

    def current(self, pause: Pause) -> PinRun:
        """The run over the present generation with the settings in force; made now if need be."""
        return self._current(pause).record

    def run(self, golden: ParsedPins, file: str, pause: Pause) -> PinRun:
        """Any pins over the present generation; nothing is remembered of them."""
        generation, settings = self._index.generation, self._configuration.settings
        standings = self._standings(generation, settings, golden.pins, pause)
        results = [_result(standing) for standing in standings]
        return _record(generation.number, settings, golden, file, results)

    def outcomes(self, settings: Settings, pause: Pause = no_pause) -> dict[str, bool]:
        """Whether each pin would hold with `settings`, by its id; over the present generation.

        Costs about 1 ms a pin where only fusion, reranking or the agent's cut differ from what is
        in force, else about 10. Without pins it is empty.
        """
        last = self._current(pause)
        if settings.digest == last.settings.digest:
            return {result.pin.id: result.passes for result in last.record.results}
        ours = (last.settings.keyword, last.settings.vector)
        alike = (settings.keyword, settings.vector) == ours
        ranker = self._configuration.ranker.with_settings(settings)
        found: dict[str, bool] = {}
        heavy: list[Pin] = []
        for standing in last.standings.values():
            if not alike or standing.ranked_query is None:
                heavy.append(standing.pin)
                continue
            pause()
            found[standing.pin.id] = holds(standing.pin, self._runs.again(standing, ranker))
        others = self._standings(last.generation, settings, heavy, pause)
        return found | {standing.pin.id: standing.holds for standing in others}

    def outcomes_over(
        self,
        generation: Generation,
        *,
        tokens: Mapping[str, HasTokenVectors] | None = None,
        successors: Mapping[str, str] | None = None,
        pause: Pause = no_pause,
    ) -> dict[str, bool]:
        """Whether each pin would hold in `generation`, by its id, with the settings in force; about
        10 ms a pin.

        `tokens` are token vectors, by content key, that the store does not have; `successors` are
        the chunks that take the place of those which only the present generation has.
        """
        settings = self._configuration.settings
        pins = [result.pin for result in self._current(pause).record.results]
        followers = successors or {}

        def successor(chunk: str) -> str | None:
            live = self._index.successor(chunk) or chunk
            follower = followers.get(live, live)
            return follower if follower in generation.row_of else None

        found = self._standings(generation, settings, pins, pause, successor, tokens)
        return {standing.pin.id: standing.holds for standing in found}

    def _current(self, pause: Pause) -> _Run:
        with self._running:
            last = self._last
            return last if last is not None and last.key == self._key() else self._run(pause)

    def _key(self) -> _Key:
        return _Key(
            self._index.generation.number,
            self._configuration.settings.digest,
            self.file.stamp(),
            self._settled(),
        )

    def _keep_current(self) -> None:
        while True:
            self._woken.wait()
            self._woken.clear()
            if self._ended:
                return
            try:
                self._catch_up()
            except Cancelled:
                log.debug("the pins are run again: the index changed meanwhile")
            except Exception as error:  # the thread's boundary: tried again after the next change
                log.exception("the pins could not be run")
                self._failed = self._key()
                self._tell(problem=f"the pins could not be run: {error}")
            self._tell(running=False)

    def _catch_up(self) -> None:
        key = self._key()
        if not key.settled or key == self._failed:
            return

        def pause() -> None:
            self._courtesy.pause()
            if self._index.generation.number != key.generation:
                raise Cancelled("the index changed again")

        with self._running:
            if self._last is None or self._last.key != key:
                self._run(pause)

    def _run(self, pause: Pause) -> _Run:
        """Run the pins; remembered and told where the index is settled."""
        key, golden = self._key(), self.file.read()
        generation, settings = self._index.generation, self._configuration.settings
        if key.settled and golden.pins:
            self._tell(running=True)
        standings = self._standings(generation, settings, golden.pins, pause)
        problem = "" if golden.pins else next(iter(golden.problems), "")
        if key.settled:
            problem = self._remember(standings, generation.number, settings.digest) or problem
        results = [self._with_history(standing, recorded=key.settled) for standing in standings]
        record = _record(generation.number, settings, golden, str(self.file.path), results)
        by_id = {standing.pin.id: standing for standing in standings}
        self._last = _Run(key, generation, settings, record, by_id)
        if key.settled:
            self._tell(
                total=record.total,
                passing=record.passing,
                generation=record.generation,
                moved=moved(results),
                running=False,
                problem=problem,
            )
        return self._last

    def _standings(
        self,
        generation: Generation,
        settings: Settings,
        pins: Sequence[Pin],
        pause: Pause,
        successor: Callable[[str], str | None] | None = None,
        tokens: Mapping[str, HasTokenVectors] | None = None,
    ) -> list[PinMatch]:
        if not pins:
            return []
        chunks = self._history.chunks()
        return self._runs.run(
            generation,
            pins,
            self._configuration.ranker.with_settings(settings),
            pause,
            last={pin.id: chunks.get(key_of(pin), "") for pin in pins},
            successor=successor or self._index.successor,
            tokens_at_hand=tokens,
        )

    def _remember(self, standings: Sequence[PinMatch], generation: int, settings: str) -> str:
        """Add to the history; what went wrong, or nothing."""
        points = (
            Point(key_of(standing.pin), standing.rank, standing.chunk if standing.rows else "")
            for standing in standings
        )
        try:
            self._history.record(points, generation, settings, clock.now())
        except sqlite3.Error as error:
            log.warning("the pins' history could not be written", exc_info=True)
            return f"the pins' history could not be written: {error}"
        return ""

    def _with_history(self, standing: PinMatch, *, recorded: bool) -> PinResult:
        history = self._history.ranks(key_of(standing.pin))
        earlier = history[:-1] if recorded else history
        result = _result(standing)
        before = earlier[-1] if earlier else None
        return msgspec.structs.replace(result, before=before, history=history)

    def _tell(self, **changes: object) -> None:
        state = msgspec.structs.replace(self.state, **changes)
        if state != self.state:
            self.state = state
            self._changed()


def key_of(pin: Pin) -> str:
    """What a pin's history is kept under: its text may be mended without losing it."""
    said = "\0".join((pin.id, pin.query, pin.path)).encode(errors="surrogatepass")
    return hashlib.sha256(said).hexdigest()[:24]


def _result(standing: PinMatch) -> PinResult:
    return PinResult(
        pin=standing.pin,
        passes=standing.holds,
        rank=standing.rank,
        ranks=standing.ranks,
        chunk=standing.chunk,
        problem=standing.problem,
    )


def _record(
    generation: int, settings: Settings, golden: ParsedPins, file: str, results: Sequence[PinResult]
) -> PinRun:
    return PinRun(
        generation=generation,
        at=clock.now(),
        file=file,
        settings_digest=settings.digest,
        results=tuple(results),
        measures=measures(result.ranks for result in results),
        problems=golden.problems,
    )
