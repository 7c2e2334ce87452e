"""What a clock that is wrong deletes of what is kept for some days."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from membrowse.retention_clock import RetentionClock

DAY = 86_400.0
TODAY = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


class Times:
    """A clock that can be set, and the seconds since the start."""

    def __init__(self) -> None:
        self.now, self.running = TODAY, 0.0

    def started(self) -> RetentionClock:
        return RetentionClock(clock=lambda: self.now, running=lambda: self.running)


def test_a_clock_that_is_years_ahead_ages_a_day_an_hour(tmp_path: Path) -> None:
    times = Times()
    with closing(sqlite3.connect(tmp_path / "log.sqlite")) as log:

        def age(clock: RetentionClock, days: float = 30) -> float:
            return (TODAY - clock.before(log, days).timestamp()) / DAY

        clock = times.started()
        assert age(clock) == 30
        times.now += 3650 * DAY
        assert 28 < age(clock) < 30
        assert [age(clock) for _ in range(3)] == [age(clock)] * 3, "an hour has not passed"
        times.running += 3600
        assert 27 < age(clock) < 29
        assert 26 < age(times.started()) < 28, "a start counts, too"
        assert age(clock, 0) == -3650, "what is not to be kept goes at once"
        times.now = TODAY
        assert age(clock) == 30


def test_a_clock_that_was_years_behind_is_followed_at_once(tmp_path: Path) -> None:
    times = Times()
    with closing(sqlite3.connect(tmp_path / "log.sqlite")) as log:
        times.started().before(log, 30)
        times.now = 1000.0
        assert times.started().before(log, 30) == datetime.fromtimestamp(0, UTC)
        times.now = TODAY + DAY
        expected = datetime.fromtimestamp(TODAY - 29 * DAY, UTC)
        assert times.started().before(log, 30) == expected
