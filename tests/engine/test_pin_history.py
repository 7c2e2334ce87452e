"""What is remembered of pins, and what is told of their moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from membrowse.engine.pins.history import FILE, POINTS_KEPT, PinHistory, Point
from membrowse.engine.pins.pins import moved_lines
from membrowse.wire.pins import Pin, PinResult
from tests.damage import damage


@pytest.fixture(autouse=True)
def home() -> None:
    """No engine runs here, and so none needs a home."""


@pytest.fixture
def history(tmp_path: Path) -> Iterator[PinHistory]:
    history = PinHistory(tmp_path / FILE)
    yield history
    history.close()


def note(history: PinHistory, generation: int, rank: int | None, settings: str = "s") -> None:
    point = Point("pin", rank, f"chunk-{generation}" if rank else "")
    history.record([point], generation, settings, "2026-01-01T00:00:00Z")


def test_each_generation_and_configuration_has_one_point(history: PinHistory) -> None:
    note(history, 1, 9)
    note(history, 1, 7)
    note(history, 2, None)
    note(history, 2, 3, settings="t")
    assert history.ranks("pin") == (7, None, 3)
    assert history.ranks("other") == ()
    note(history, 3, None)
    assert history.chunks() == {"pin": "chunk-2"}


def test_it_is_bounded_and_outlives_its_process(tmp_path: Path) -> None:
    path = tmp_path / FILE
    first = PinHistory(path)
    for generation in range(POINTS_KEPT + 15):
        note(first, generation, generation + 1)
    first.close()
    assert path.stat().st_mode & 0o777 == 0o600
    second = PinHistory(path)
    assert second.ranks("pin") == tuple(range(16, POINTS_KEPT + 16))
    second.close()


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all, and long enough to be looked at" * 100)
    history = PinHistory(tmp_path / FILE)
    note(history, 1, 2)
    assert history.ranks("pin") == (2,)
    history.close()


def test_a_file_that_is_damaged_meanwhile_is_begun_anew(
    history: PinHistory, tmp_path: Path
) -> None:
    note(history, 1, 2)
    damage(history._database, tmp_path / FILE)
    note(history, 2, 3)
    assert history.ranks("pin") == (3,)
    assert history.chunks() == {"pin": "chunk-2"}


def test_without_a_place_it_lasts_as_long_as_the_engine(tmp_path: Path) -> None:
    history = PinHistory(tmp_path / "nowhere" / FILE)
    note(history, 1, 2)
    assert history.ranks("pin") == (2,)
    history.close()


def result(query: str, *history: int | None, k: int = 5) -> PinResult:
    rank = history[-1]
    return PinResult(
        pin=Pin(id=query, query=query, path="a.md", k=k),
        passes=rank is not None and rank <= k,
        rank=rank,
        ranks={},
        history=history,
    )


def test_what_broke_is_told_before_what_was_mended_and_what_only_moved() -> None:
    results = [
        result("little", 2, 3),
        result("far", 40, 7),
        result("mended", 9, 4),
        result("gone", 1, None),
        result("broke", 5, 6),
        result("still", 3, 3),
        result("new", 3),
    ]
    assert moved_lines(results) == (
        "gone: a.md #1 → –",
        "broke: a.md #5 → #6",
        "mended: a.md #9 → #4",
        "far: a.md #40 → #7",
        "little: a.md #2 → #3",
    )


def test_a_long_query_is_cut_and_many_moves_are_not_all_told() -> None:
    many = [result(f"which of the very many words of a query? {n}", 1, 9) for n in range(50)]
    lines = moved_lines(many)
    assert len(lines) == 20
    assert lines[0].split(":")[0].endswith("…")
