"""Date expressions of queries: what is read as a date, as which, and what it matches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.day_terms import day_tokens
from membrowse.ranking.query_dates import DateReader
from membrowse.ranking.query_parser import parse_query
from membrowse.settings import DateReading, KeywordSettings, Settings
from membrowse.wire.search import KEYWORD
from tests.ranking import sample_notes

TODAY = date(2026, 11, 24)
"""A Tuesday."""


@pytest.mark.parametrize(
    ("query", "typed", "meaning"),
    [
        ("what did we do on Nov 3rd?", "Nov 3rd", "2026-11-03"),
        ("3 Nov", "3 Nov", "2026-11-03"),
        ("notes of the 3rd of November", "the 3rd of November", "2026-11-03"),
        ("November 3rd, 2025", "November 3rd, 2025", "2025-11-03"),
        ("what happened 11/3", "11/3", "2026-11-03"),
        ("on 1/2", "1/2", "2026-01-02"),
        ("22/11", "22/11", "2026-11-22"),
        ("since 14.11.2026", "14.11.2026", "2026-11-14"),
        ("Dec 5", "Dec 5", "2025-12-05"),
        ("decided on May 5?", "May 5", "2026-05-05"),
        ("what was on the 5th", "the 5th", "2026-11-05"),
        ("on the 31st", "the 31st", "2026-10-31"),
        ("Tuesday", "Tuesday", "2026-11-17"),
        ("what did we decide last Tuesday about it", "last Tuesday", "2026-11-17"),
        ("lunch on Fri", "Fri", "2026-11-20"),
        ("next Friday", "next Friday", "2026-11-27"),
        ("yesterday", "yesterday", "2026-11-23"),
        ("the day before yesterday", "the day before yesterday", "2026-11-22"),
        ("two days ago", "two days ago", "2026-11-22"),
        ("last night", "last night", "2026-11-23"),
        ("this morning", "this morning", "2026-11-24"),
        ("last week", "last week", "2026-11-16 to 2026-11-22"),
        ("3 weeks ago", "3 weeks ago", "2026-11-02 to 2026-11-08"),
        ("last weekend", "last weekend", "2026-11-21 to 2026-11-22"),
        ("in October", "October", "2026-10"),
        ("in march", "march", "2026-03"),
        ("last October", "last October", "2026-10"),
        ("October 2025", "October 2025", "2025-10"),
        ("last month", "last month", "2026-10"),
        ("a year ago", "a year ago", "2025"),
    ],
)
def test_what_people_say_is_read_as_a_date(query: str, typed: str, meaning: str) -> None:
    (found,) = DateReader(TODAY).expressions(query)
    assert (found.typed, found.meaning) == (typed, meaning)
    assert query[found.start : found.end] == typed


@pytest.mark.parametrize(
    "query",
    [
        "it may rain",
        "may",
        "the march of time",
        "port 8080",
        "version 2.14.3 on 10.0.0.1",
        "24/7 support",
        "1/2 cup",
        "a 30s timeout",
        "at 5 pm",
        "who sat on the mat",
        "the second one",
        "we",
        "Feb 30",
        "2026-13-45",
        "src/11/3/file",
        "Sundays",
        "ticket 555-0142",
    ],
)
def test_other_words_are_no_dates(query: str) -> None:
    assert DateReader(TODAY).expressions(query) == ()


def test_the_order_of_day_and_month_is_a_setting() -> None:
    (found,) = DateReader(TODAY, day_first=True).expressions("3/11")
    assert found.meaning == "2026-11-03"


def test_words_that_mean_only_a_date_are_replaced_if_a_note_has_it() -> None:
    parsed = parse_query("fixed yesterday", reader=DateReader(TODAY))
    assert parsed.terms.terms == ("fix", "2026-11-23")
    assert parsed.date_spans == ((6, 15),)
    start, end = parsed.terms.spans[1]
    assert parsed.words[start:end] == "yesterday"
    unknown = parse_query("fixed yesterday", reader=DateReader(TODAY, is_indexed=lambda _: False))
    assert unknown.terms.terms == ("fix", "yesterday", "2026-11-23")
    assert unknown.date_spans == ()


def test_a_weekday_stays_a_word() -> None:
    parsed = parse_query("standup on Tuesday", reader=DateReader(TODAY))
    assert parsed.terms.terms == ("standup", "tuesday", "2026-11-17")


def test_every_day_has_the_terms_of_its_expressions() -> None:
    terms = {token.term for token in day_tokens("2026-11-03")}
    for query in ("Nov 3rd", "3 Nov", "November 2026", "11/3", "2026-11-03", "20261103", "Tuesday"):
        assert set(parse_query(query, reader=None).terms.terms) & terms
    assert {"2026-11-03", "11-03", "2026-11", "2026-w45"} <= terms
    assert {token.term for token in day_tokens("someday")} == {"someday"}


@pytest.fixture(scope="module")
def days(
    tmp_path_factory: pytest.TempPathFactory, encoder: ResidentEncoder
) -> Iterator[sample_notes.RankQuery]:
    """One note a day for three weeks, all with similar text, and one that says `yesterday`."""
    texts = ("Ordered a valve.", "Moved the tracker.", "Lunch with the vendor.", "Fixed a label.")
    files = {
        f"memory/2026-11-{day:02}.md": f"# Notes\n\n{texts[day % 4]}\n" for day in range(1, 24)
    }
    files["said.md"] = "Yesterday we ordered it, last week, on Tuesday.\n"
    notes = sample_notes.written(tmp_path_factory.mktemp("days"), files, encoder, TODAY)
    yield notes
    notes.index.close()


@pytest.mark.parametrize(
    ("query", "day"),
    [
        ("what did we do on Nov 3rd?", 3),
        ("3 Nov", 3),
        ("the 3rd of November", 3),
        ("11/3", 3),
        ("what did we do last Tuesday?", 17),
        ("what happened yesterday?", 23),
        ("what did I note two days ago?", 22),
        ("Nov 9", 9),
        ("November 21st, 2026", 21),
        ("2026-11-11", 11),
    ],
)
def test_the_note_of_the_day_is_first(days: sample_notes.RankQuery, query: str, day: int) -> None:
    ranked_query = days(query)
    assert sample_notes.paths(ranked_query, KEYWORD)[0] == f"memory/2026-11-{day:02}.md"
    assert sample_notes.paths(ranked_query, "reranked")[0] == f"memory/2026-11-{day:02}.md"


def test_the_notes_of_last_week_come_first(days: sample_notes.RankQuery) -> None:
    ranked_query = days("what did we do last week?")
    found = sample_notes.paths(ranked_query, KEYWORD)
    assert sorted(found) == [f"memory/2026-11-{day:02}.md" for day in range(16, 23)]
    assert [(each.typed, each.meaning) for each in ranked_query.query.dates] == [
        ("last week", "2026-11-16 to 2026-11-22")
    ]


def test_dates_can_be_switched_off(days: sample_notes.RankQuery) -> None:
    off = Settings(keyword=KeywordSettings(dates=DateReading.OFF))
    ranked_query = days("yesterday", settings=off)
    assert ranked_query.query.dates == ()
    assert sample_notes.paths(ranked_query, KEYWORD) == ["said.md"]
    by_word = days("Nov 3rd", settings=off)
    assert sample_notes.paths(by_word, KEYWORD)[0] == "memory/2026-11-03.md"


def test_the_encoder_does_not_decide_between_dates(
    tmp_path: Path, encoder: ResidentEncoder
) -> None:
    texts = ("Ordered a valve.", "Moved the tracker to sqlite.", "Fixed it.", "Lunch with them.")
    files = {f"2026-11-0{day}.md": f"# Notes\n\n{text}\n" for day, text in enumerate(texts, 1)}
    notes = sample_notes.written(tmp_path, files, encoder, TODAY)
    for query in ("what did we do on Nov 3rd?", "11/3", "3 Nov", "what about the 3rd of November"):
        ranked_query = notes(query)
        assert sample_notes.paths(ranked_query, "reranked")[0] == "2026-11-03.md"
        assert ranked_query.known_share < 1.0
    notes.index.close()


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2026-3-2", "2026-03-02", "2026-03-03"),
        ("yesterday", "2026-11-25", "2026-11-26"),
        ("march", "2026-03-01", "2026-04-01"),
        ("Nov 3rd, 2025", "2025-11-03", "2025-11-04"),
    ],
)
def test_a_period_has_a_first_day_and_a_day_after(text: str, first: str, after: str) -> None:
    reader = DateReader(date(2026, 11, 26))
    assert reader.period(text) == (date.fromisoformat(first), date.fromisoformat(after))


@pytest.mark.parametrize(
    "text", ["", "soup", "2026-13", "2026-02-30", "0000", "in march", "9999999"]
)
def test_what_is_no_period(text: str) -> None:
    assert DateReader(TODAY).period(text) is None
