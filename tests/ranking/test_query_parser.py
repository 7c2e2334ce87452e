"""Parsing queries: words, operators and filters."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from membrowse.notes.chunk import Chunk
from membrowse.ranking.query_dates import DateReader
from membrowse.ranking.query_parser import (
    LITERAL,
    MAX_QUERY_CHARACTERS,
    OPERATORS,
    InvalidFilter,
    parse_query,
    requested_filters,
    with_days,
)
from membrowse.wire.search import Filters
from tests.index.factories import chunk

Form = Literal["NFC", "NFD"]
NOTE = chunk("runbooks/Deploy.md", 0, "text", tags=("Ops", "release/steps"))


@pytest.mark.parametrize(
    "text",
    [
        "deploy: which port - and why?",
        '-word "phrase" path:x after:2026',
        "title:deploy",
        "C++ OR (nothing) AND *",
    ],
)
def test_by_default_everything_is_words(text: str) -> None:
    parsed = parse_query(text, LITERAL)
    assert parsed.words == text
    assert not parsed.constraints and not parsed.filters and not parsed.warnings


def test_operators_constrain_keyword_and_keep_words_for_the_encoder() -> None:
    parsed = parse_query('which "staging port" -friday title:deploy now', OPERATORS)
    assert parsed.words == "which staging port deploy now"
    found = [(each.terms, each.field, each.excluded) for each in parsed.constraints]
    assert found == [
        (("stage", "port"), None, False),
        (("friday",), None, True),
        (("deploy",), "title", False),
    ]
    assert [each.typed for each in parsed.constraints] == [
        '"staging port"',
        "-friday",
        "title:deploy",
    ]
    assert not parsed.warnings


@pytest.mark.parametrize(
    ("typed", "passes"),
    [
        ("path:runbooks", True),
        ("path:RUNBOOKS/dep", True),
        ("path:logs", False),
        ("path:*.md", True),
        ("path:deploy.*", True),
        ("path:runbooks/*", True),
        ("path:deploy*", True),
        ("path:/runbooks/*", True),
        ("path:/deploy*", False),
        ("path:*.txt", False),
        ("-path:runbooks", False),
        ("tag:ops", True),
        ("tag:#ops", True),
        ("tag:release", True),
        ("tag:rel", False),
        ("-tag:ssh", True),
        ("after:2026", True),
        ("after:2026-03-02", True),
        ("after:2026-03-03", False),
        ("before:2026-03-02", False),
        ("before:2026-04", True),
        ('path:"runbooks/deploy"', True),
    ],
)
def test_filters_select_notes(typed: str, passes: bool) -> None:
    parsed = parse_query(f"word {typed}", OPERATORS)
    (found,) = parsed.filters
    assert found.typed == typed
    assert found.passes(NOTE) is passes
    assert parsed.words == "word"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("after:whenever port", "after:whenever port"),
        ("after:2026-13 port", "after:2026-13 port"),
        ("before:2026-02-30 port", "before:2026-02-30 port"),
        ("path: port", "path: port"),
        ('"staging port', '"staging port'),
        ("error:404 port", "error:404 port"),
    ],
)
def test_an_invalid_operator_is_words_with_a_warning(text: str, words: str) -> None:
    parsed = parse_query(text, OPERATORS)
    assert parsed.words == words
    assert "port" in parsed.terms.terms
    assert len(parsed.warnings) == 1
    assert not parsed.filters and not parsed.constraints


@pytest.mark.parametrize("text", ["http://a.b/c", "12:30 - done", "--force well-known", "a-b -"])
def test_colons_and_dashes_inside_words_are_not_operators(text: str) -> None:
    parsed = parse_query(text, OPERATORS)
    assert parsed.words == text
    assert not parsed.warnings and not parsed.constraints


def test_a_very_long_query_is_cut_with_a_warning() -> None:
    parsed = parse_query("port " * MAX_QUERY_CHARACTERS, LITERAL)
    assert len(parsed.words) <= MAX_QUERY_CHARACTERS
    assert len(parsed.warnings) == 1
    assert parsed.terms.terms == ("port",)


@given(st.text(max_size=80), st.sampled_from((LITERAL, OPERATORS)))
@settings(max_examples=200)
def test_no_text_is_an_error(text: str, syntax: str) -> None:
    parsed = parse_query(text, syntax)
    for found in parsed.filters:
        found.passes(NOTE)


@given(st.lists(st.sampled_from(['"', "-", "path:", "tag:", "x", " ", "after:", "[", "*"])))
@settings(max_examples=200)
def test_no_mixture_of_operators_is_an_error(parts: list[str]) -> None:
    parsed = parse_query("".join(parts), OPERATORS)
    example: Chunk = NOTE
    assert all(found.passes(example) in (True, False) for found in parsed.filters)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("typed", ["NFC", "NFD"])
def test_paths_and_tags_are_compared_in_one_unicode_form(form: Form, typed: Form) -> None:
    note = structs.replace(
        NOTE, path=normalize(form, "Café/ñandú.md"), tags=(normalize(form, "Crème"),)
    )
    for text in ("path:café", "path:*ñandú.md", "tag:crème", "tag:#CRÈME"):
        (one,) = parse_query(normalize(typed, f"{text} note"), OPERATORS).filters
        assert one.passes(note), text


def test_filters_of_a_request_are_read_like_those_of_a_query() -> None:
    filters = Filters(path="runbooks/*.md", tag="#Release", after="2026-03-02", before="2026-04")
    parsed = requested_filters(filters)
    assert [each.typed for each in parsed] == [
        "path:runbooks/*.md",
        "tag:#Release",
        "after:2026-03-02",
        "before:2026-04",
    ]
    assert all(each.passes(NOTE) for each in parsed)
    assert not requested_filters(Filters())
    (path,) = requested_filters(Filters(path="other notes"))
    assert path.typed == 'path:"other notes"' and not path.passes(NOTE)


def test_a_date_filter_understands_words_and_says_how() -> None:
    reader = DateReader(date(2026, 3, 11))
    (after,) = requested_filters(Filters(after="last week"), reader)
    assert (after.typed, after.value) == ("after:2026-03-02", "2026-03-02")
    asked = Filters(after="last week", before="2026-04", root="team")
    kept = with_days(asked, requested_filters(asked, reader))
    assert kept == Filters(after="2026-03-02", before="2026-04", root="team")
    (slashed,) = requested_filters(Filters(after="3/2/2026"), reader)
    assert slashed.typed == "after:2026-03-02", "which of both is the month is said"
    parsed = parse_query('ports -before:"last month" after:march', OPERATORS, reader)
    assert [each.typed for each in parsed.filters] == ["-before:2026-02-01", "after:2026-03-01"]
    assert parsed.words == "ports"


def test_a_root_is_the_first_segment_of_a_path() -> None:
    for root, passes in (("Runbooks", True), ("runbook", False), ("deploy.md", False)):
        (parsed,) = requested_filters(Filters(root=root))
        assert parsed.passes(structs.replace(NOTE, path="runbooks/deploy.md")) is passes
    (typed,) = parse_query("-root:team deploy", OPERATORS).filters
    assert not typed.passes(structs.replace(NOTE, path="team/deploy.md"))


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (Filters(after="the week"), 'after:"the week" needs a date such as 2026'),
        (Filters(before="2026-02-30"), "before:2026-02-30 needs a date"),
        (Filters(tag="#"), "tag:# needs a value"),
        (Filters(path="  "), "path: needs a value"),
        (Filters(path="../secret*"), "../secret* leaves it"),
        (Filters(path="logs/[0-9"), "path:logs/[0-9 has a [ without a ]"),
        (Filters(path="a" * 1001), "path is longer than 1,000 characters"),
        (Filters(after="2026-05", before="2026-05"), "after 2026-05 is not before 2026-05"),
        (Filters(tag="\x1b[31m", path="\x1b["), "␛["),
    ],
)
def test_a_filter_that_cannot_be_applied_is_refused_with_the_reason(
    filters: Filters, message: str
) -> None:
    with pytest.raises(InvalidFilter, match=re.escape(message)):
        requested_filters(filters)
