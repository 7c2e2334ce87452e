"""How figures are written."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from membrowse.presentation import figures

NOW = datetime(2026, 7, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.714, ".71"), (-0.02, "-.02"), (0.0, "0"), (-0.001, "0"), (7.1, "7.10")]
    + [(11.84, "11.8"), (9.996, "10.0"), (1042.3, "1042"), (1.0, "1.00"), (99.96, "100")],
)
def test_scores_are_short(value: float | None, text: str) -> None:
    assert figures.score(value) == text


@pytest.mark.parametrize(
    ("day", "text"),
    [("2026-07-20", "<1d"), ("2026-07-17", "3d"), ("2026-06-20", "4w"), ("2026-03-02", "4mo")]
    + [("2023-01-01", "3y"), ("2026-07-22", "+2d"), ("", ""), ("no date", "")],
)
def test_ages(day: str, text: str) -> None:
    assert figures.age(day, NOW) == text


def test_times_sizes_and_durations() -> None:
    assert figures.local_time("2026-07-20T10:04:31Z", NOW) == "10:04:31"
    assert figures.local_time("2026-07-19T10:04:31Z", NOW) == "19 Jul 10:04"
    assert figures.local_time("2025-07-19T10:04:31Z", NOW) == "2025-07-19"
    assert figures.local_time("soon", NOW) == ""
    assert [figures.size(n) for n in (0, 999, 4100, 2_000_000)] == [
        "0 B",
        "999 B",
        "4.1 kB",
        "2.0 MB",
    ]
    assert [figures.duration(n) for n in (0.2, 7, 200, 9000)] == ["1 s", "7 s", "3 min", "2 h"]
    assert [figures.milliseconds(n) for n in (0.4, 3.1, 1200)] == ["<1 ms", "3 ms", "1.2 s"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.7136, ".714"), (-0.02, "-.020"), (0.0, "0"), (-0.0001, "0"), (11.8, "11.800")],
)
def test_exact_scores_have_three_decimals(value: float | None, text: str) -> None:
    assert figures.exact(value) == text


def test_shares_ranks_weights_and_counts() -> None:
    assert [figures.percent(share) for share in (0.0, 0.314, 0.66, 1.0)] == [
        "0%",
        "31%",
        "66%",
        "100%",
    ]
    assert [figures.rank(rank) for rank in (None, 3, 19_042)] == ["–", "#3", "#19,042"]
    assert [figures.weight(value) for value in (1.0, 0.5, 0.17, 0.001)] == ["1", "0.5", "0.17", "0"]
    assert figures.counted(1, "note") == "1 note" and figures.counted(3, "note") == "3 notes"


@pytest.mark.parametrize("day", ["2026-07-17", "2026-07-17T10:00:00Z"])
def test_the_time_of_a_date_does_not_matter(day: str) -> None:
    assert figures.age(day, NOW) == "3d"
