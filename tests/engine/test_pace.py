"""Progress is shown now and then, with an estimate once there is something to estimate from."""

from __future__ import annotations

import pytest

from membrowse.engine.indexing import pace
from membrowse.engine.indexing.pace import Pace


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def test_progress_is_due_every_quarter_of_a_second(clock: Clock) -> None:
    one = Pace(10)
    due = []
    for clock.now in (100.0, 100.2, 100.26, 100.3, 100.5, 100.52):
        due.append(one.due())
    assert due == [False, False, True, False, False, True]


def test_the_rest_is_estimated_after_a_second(clock: Clock) -> None:
    one = Pace(10)
    clock.now += 0.9
    assert one.seconds_left(3) is None
    clock.now += 1.1
    assert one.seconds_left(4) == pytest.approx(3.0)
    assert one.seconds_left(10) == 0.0
