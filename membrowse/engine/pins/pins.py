"""The pins of the folder, run again after every change of the index.

The runs happen on a thread that gives way to queries. `Pins.outcomes` (other settings) and
`Pins.outcomes_over` (another generation, maybe a hypothetical one) report the effect of a change.
"""

from __future__ import annotations

import hashlib
import logging
import math
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from membrowse import sqlite
from membrowse.engine import clock
from membrowse.engine.pins.history import FILE, PinHistory, Point
from membrowse.engine.pins.pin_file import ParsedPins, PinFile, Stamp
from membrowse.engine.pins.runs import (
    NotePath,
    PinMatch,
    PinRunner,
    passes,
    pin_result,
    pin_run,
)
from membrowse.engine.priority import BackgroundWork, Cancelled, Pause, QueryTraffic
from membrowse.engine.querying.ranked_queries import RankedQueries
from membrowse.index.generation import Generation
from membrowse.index.protocols import SearchIndex
from membrowse.index.store_errors import StoreUnavailable
from membrowse.ranking.late_interaction import HasTokenVectors
from membrowse.settings import Settings
from membrowse.wire.pins import Pin, PinResult, PinRun, PinsState

log = logging.getLogger(__name__)

_LINES = 20
_QUERY_CHARACTERS = 40
_NOWHERE = 1_000_000


def no_pause() -> None:
    """For short work, and work that cannot be cancelled."""


@dataclass(frozen=True, slots=True)
class _Key:
    """Identity of a run; a new key triggers a rerun."""

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
    matches: Mapping[str, PinMatch]
    """By the pin's id."""


class Pins:
    """Keeps a run of the pins up to date. Thread-safe.

    `place` finds their file. `settled` says whether the index matches the folder and is encoded
    completely: only then pins run by themselves and their ranks are remembered. `changed` is called
    when `state` changed.
    """

    def __init__(
        self,
        place: Callable[[], PinFile],
        index: SearchIndex,
        ranked_queries: RankedQueries,
        settled: Callable[[], bool],
        traffic: QueryTraffic,
        changed: Callable[[], None],
        note_path: NotePath,
    ) -> None:
        self._place = place
        self.state = PinsState()
        self._index = index
        self._configuration = ranked_queries.configuration
        self._settled = settled
        self._changed = changed
        self._runs = PinRunner(ranked_queries, note_path)
        self._history = PinHistory(index.directory / FILE)
        self._work = BackgroundWork(traffic)
        self._last: _Run | None = None
        self._failed: _Key | None = None
        self._running = threading.Lock()
        self._woken = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._keep_current, name="pins", daemon=True)

    @property
    def file(self) -> PinFile:
        """Where the pins are kept now."""
        return self._place()

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Check whether a new run is due; returns at once."""
        self._woken.set()

    def close(self, seconds: float = 5.0) -> None:
        """Stop after the current pin."""
        self._ended = True
        self._work.cancel()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        self._history.close()

    def current(self, pause: Pause) -> PinRun:
        """The run over the present generation with the settings in force; made if needed."""
        return self._current(pause).record

    def run(self, parsed: ParsedPins, file: str, pause: Pause) -> PinRun:
        """Run other pins over the present generation; nothing is remembered."""
        generation, settings = self._index.generation, self._configuration.settings
        matches = self._matches(generation, settings, parsed.pins, pause)
        results = [pin_result(match) for match in matches]
        return pin_run(generation.number, settings, parsed, file, results)

    def outcomes(self, settings: Settings, pause: Pause = no_pause) -> dict[str, bool]:
        """Pin id → whether it would pass with `settings`, over the present generation.

        Takes about 1 ms per pin if only fusion, reranking or the agent's cut differ from the
        settings in force, else about 10 ms.
        """
        last = self._current(pause)
        if settings.digest == last.settings.digest:
            return {result.pin.id: result.passes for result in last.record.results}
        ours = (last.settings.keyword, last.settings.vector)
        alike = (settings.keyword, settings.vector) == ours
        ranker = self._configuration.ranker.with_settings(settings)
        found: dict[str, bool] = {}
        heavy: list[Pin] = []
        for match in last.matches.values():
            if not alike or match.ranked_query is None:
                heavy.append(match.pin)
                continue
            pause()
            found[match.pin.id] = passes(match.pin, self._runs.rank_again(match, ranker))
        others = self._matches(last.generation, settings, heavy, pause)
        return found | {match.pin.id: match.passes for match in others}

    def outcomes_over(
        self,
        generation: Generation,
        *,
        tokens: Mapping[str, HasTokenVectors] | None = None,
        successors: Mapping[str, str] | None = None,
        pause: Pause = no_pause,
    ) -> dict[str, bool]:
        """Pin id → whether it would pass in `generation`, with the settings in force.

        Takes about 10 ms per pin. `tokens` are token vectors, by content key, that the store does
        not have; `successors` map chunks that only the present generation has to chunks of
        `generation`.
        """
        settings = self._configuration.settings
        pins = [result.pin for result in self._current(pause).record.results]
        followers = successors or {}

        def successor(chunk: str) -> str | None:
            live = self._index.successor(chunk) or chunk
            follower = followers.get(live, live)
            return follower if follower in generation.row_of else None

        found = self._matches(generation, settings, pins, pause, successor, tokens)
        return {match.pin.id: match.passes for match in found}

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
                log.debug("running the pins again: the index has changed")
            except StoreUnavailable as error:  # they run again when it answers
                self._report(problem=str(error))
            except Exception as error:  # the thread's boundary: tried again after the next change
                log.exception("the pins could not be run; `membrowse pins run` tries again")
                self._failed = self._key()
                self._report(problem=f"the pins could not be run: {error}")
            self._report(running=False)

    def _catch_up(self) -> None:
        key = self._key()
        if not key.settled or key == self._failed:
            return

        def pause() -> None:
            self._work.pause()
            if self._index.generation.number != key.generation:
                raise Cancelled("the index has changed")

        with self._running:
            if self._last is None or self._last.key != key:
                self._run(pause)

    def _run(self, pause: Pause) -> _Run:
        """Run the pins; if the index is settled, remember and report the ranks."""
        file, key = self.file, self._key()
        parsed = file.read()
        generation, settings = self._index.generation, self._configuration.settings
        if key.settled and parsed.pins:
            self._report(running=True)
        matches = self._matches(generation, settings, parsed.pins, pause)
        problem = "" if parsed.pins else next(iter(parsed.problems), "")
        if key.settled:
            problem = self._remember(matches, generation.number, settings.digest) or problem
        results = [self._with_history(match, recorded=key.settled) for match in matches]
        record = pin_run(generation.number, settings, parsed, str(file.path), results)
        by_id = {match.pin.id: match for match in matches}
        self._last = _Run(key, generation, settings, record, by_id)
        if key.settled:
            self._report(
                total=record.total,
                passing=record.passing,
                generation=record.generation,
                moved=moved_lines(results),
                running=False,
                problem=problem,
            )
        return self._last

    def _matches(
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
            extra_tokens=tokens,
        )

    def _remember(self, matches: Sequence[PinMatch], generation: int, settings: str) -> str:
        """Add to the history; returns what went wrong, or an empty string."""
        points = (
            Point(key_of(match.pin), match.rank, match.chunk if match.rows else "")
            for match in matches
        )
        try:
            self._history.record(points, generation, settings, clock.now())
        except sqlite3.Error as error:
            log.warning("the history of pins cannot be written", exc_info=True)
            return f"the history of pins cannot be written: {sqlite.reason(error)}"
        return ""

    def _with_history(self, match: PinMatch, *, recorded: bool) -> PinResult:
        history = self._history.ranks(key_of(match.pin))
        earlier = history[:-1] if recorded else history
        result = pin_result(match)
        before = earlier[-1] if earlier else None
        return msgspec.structs.replace(result, before=before, history=history)

    def _report(self, **changes: object) -> None:
        state = msgspec.structs.replace(self.state, **changes)
        if state != self.state:
            self.state = state
            self._changed()


def key_of(pin: Pin) -> str:
    """Key of a pin's history; editing the pin's text keeps the history."""
    filters = (repr(pin.filters),) if pin.filters else ()
    said = "\0".join((pin.id, pin.query, pin.path, *filters)).encode(errors="surrogatepass")
    return hashlib.sha256(said).hexdigest()[:24]


def moved_lines(results: Iterable[PinResult]) -> tuple[str, ...]:
    """One line per pin that moved since the previous run: `ssh port: decisions/ssh.md #9 → #4`.

    Pins that fail now come first, then pins that pass now, then the largest movements.
    """
    telling = sorted(
        (_movement_size(each), _movement_line(each)) for each in results if _has_moved(each)
    )
    return tuple(line for _, line in telling[:_LINES])


def _has_moved(result: PinResult) -> bool:
    return len(result.history) > 1 and result.history[-1] != result.history[-2]


def _movement_size(result: PinResult) -> tuple[int, float]:
    before, now = result.history[-2:]
    held = before is not None and before <= result.pin.k
    kind = 2 if held == result.passes else (0 if held else 1)
    return kind, -abs(math.log((now or _NOWHERE) / (before or _NOWHERE)))


def _movement_line(result: PinResult) -> str:
    before, now = (f"#{rank}" if rank else "–" for rank in result.history[-2:])
    query = " ".join(result.pin.query.split())
    if len(query) > _QUERY_CHARACTERS:
        query = f"{query[: _QUERY_CHARACTERS - 1].rstrip()}…"
    return f"{query}: {result.pin.path} {before} → {now}"
