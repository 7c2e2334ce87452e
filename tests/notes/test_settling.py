"""When a touched path is told, by a clock that the test turns."""

from __future__ import annotations

from membrowse.notes.debounce import Debouncer


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def settling() -> tuple[Debouncer, Clock]:
    clock = Clock()
    return Debouncer(0.25, 3.0, clock), clock


def test_a_path_is_told_once_it_is_quiet() -> None:
    waiting, clock = settling()
    assert waiting.wait() is None
    waiting.touch("a.md")
    clock.now += 0.125
    waiting.touch("a.md")
    assert waiting.take() == frozenset()
    assert waiting.wait() == 0.25
    clock.now += 0.25
    assert waiting.take() == {"a.md"}
    assert waiting.wait() is None


def test_a_path_that_is_never_quiet_is_told_at_the_limit() -> None:
    waiting, clock = settling()
    told = []
    for _ in range(80):
        waiting.touch("a.md")
        clock.now += 0.125
        if waiting.take():
            told.append(clock.now)
    assert told == [103.0, 106.0, 109.0]


def test_a_noisy_path_does_not_hold_up_a_quiet_one() -> None:
    waiting, clock = settling()
    waiting.touch("quiet.md")
    for _ in range(2):
        waiting.touch("noisy.md")
        clock.now += 0.125
    assert waiting.take() == {"quiet.md"}


def test_a_flood_is_told_in_a_few_parts() -> None:
    waiting, clock = settling()
    told = []
    for number in range(100):
        waiting.touch(f"{number}.md")
        clock.now += 0.0625 / 4
        if paths := waiting.take():
            told.append(len(paths))
    clock.now += 1
    told.append(len(waiting.take()))
    assert sum(told) == 100
    assert len(told) <= 8
