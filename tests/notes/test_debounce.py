"""When a touched path is released, by a clock that the test controls."""

from __future__ import annotations

from membrowse.notes.debounce import Debouncer


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def make_debouncer() -> tuple[Debouncer, Clock]:
    clock = Clock()
    return Debouncer(0.25, 3.0, clock), clock


def test_a_path_is_released_once_it_is_quiet() -> None:
    debouncer, clock = make_debouncer()
    assert debouncer.seconds_until_due() is None
    debouncer.touch("a.md")
    clock.now += 0.125
    debouncer.touch("a.md")
    assert debouncer.take_due() == frozenset()
    assert debouncer.seconds_until_due() == 0.25
    clock.now += 0.25
    assert debouncer.take_due() == {"a.md"}
    assert debouncer.seconds_until_due() is None


def test_a_path_that_is_never_quiet_is_released_at_the_limit() -> None:
    debouncer, clock = make_debouncer()
    times = []
    for _ in range(80):
        debouncer.touch("a.md")
        clock.now += 0.125
        if debouncer.take_due():
            times.append(clock.now)
    assert times == [103.0, 106.0, 109.0]


def test_a_noisy_path_does_not_delay_a_quiet_one() -> None:
    debouncer, clock = make_debouncer()
    debouncer.touch("quiet.md")
    for _ in range(2):
        debouncer.touch("noisy.md")
        clock.now += 0.125
    assert debouncer.take_due() == {"quiet.md"}


def test_a_flood_is_released_in_few_batches() -> None:
    debouncer, clock = make_debouncer()
    sizes = []
    for number in range(100):
        debouncer.touch(f"{number}.md")
        clock.now += 0.0625 / 4
        if paths := debouncer.take_due():
            sizes.append(len(paths))
    clock.now += 1
    sizes.append(len(debouncer.take_due()))
    assert sum(sizes) == 100
    assert len(sizes) <= 8
