"""The analyser: terms, spans and positions."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from whoosh.fields import ID, TEXT, Schema
from whoosh.filedb.filestore import RamStorage
from whoosh.query import Phrase

from membrowse.index.analyser import (
    MAX_TERM_CHARACTERS,
    NoteAnalyzer,
    TokenKind,
    analyse,
    fold_word,
    phrase_terms,
    query_terms,
)
from membrowse.notes.characters import nfkc_with_offsets

ALPHABET = st.one_of(
    st.characters(),
    st.sampled_from("aBc1 _-./:@#'’,+ 北京ガｶﾞกាé\u0301\u1100\u1161\u200d✅\n"),
)
TEXTS = st.text(ALPHABET, max_size=60)


def terms(text: str) -> set[str]:
    return {token.term for token in analyse(text)}


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("CAFÉ", "cafe"),
        ("cafe\u0301", "café"),
        ("ＡＢＣ", "abc"),
        ("Straße", "strasse"),
        ("Łódź", "lodz"),
        ("٣٤", "34"),
        ("running deployments", "run deployment"),
        ("Port's hosts", "port host"),
        ("we'll", "we"),
        ("get_user_name", "getUserName"),
        ("getUserName", "user"),
        ("sub-agents", "subagent"),
        ("HTTPServer", "server"),
        ("APIs", "api"),
        ("nginx.conf", "nginx"),
        ("/etc/nginx/nginx.conf", "nginx.conf"),
        ("/etc/nginx/nginx.conf", "etc/nginx/nginx.conf"),
        ("v2.14.3", "2.14.3"),
        ("v2.14.3", "2.14"),
        ("localhost:8080", "8080"),
        ("mail bob.smith@example.com", "example.com"),
        ("commit 3f2a9c1deadbeef0011223344556677889900aabb", "3f2a9c1"),
        ("1,234,567 rows", "1234567"),
        ("256MB", "256"),
        ("C++ and C#", "c#"),
        ("set in .env", ".env"),
        ("src/.env", ".env"),
        ("北京大学", "京大"),
        ("我喜欢鱼和米饭", "鱼"),
        ("サーバー", "ｻｰﾊﾞｰ"),
        ("한국어를", "한국어"),
        ("สวัสดีครับ", "สวัสดี"),
        ("हिन्दी भाषा", "हिन्दी"),
        ("done ✅", "✅"),
    ],
)
def test_query_spellings_match_written_words(written: str, asked: str) -> None:
    expected = set(query_terms(asked).terms)
    assert expected
    assert expected & terms(written)


@pytest.mark.parametrize(
    ("text", "kept", "dropped"),
    [
        ("What's the port of staging?", ("port", "stage"), ("what", "the", "of")),
        ("what is it", ("what", "is", "it"), ()),
        ("the C++ compiler", ("c++", "c", "compil"), ("the",)),
        ("北京大学", ("北京", "京大", "大学"), ()),
        ("京", ("京",), ()),
        (" -- ? ", (), ()),
    ],
)
def test_stop_words_are_dropped_unless_nothing_else_remains(
    text: str, kept: tuple[str, ...], dropped: tuple[str, ...]
) -> None:
    analysed = query_terms(text)
    assert analysed.terms == kept
    assert analysed.dropped == dropped


def test_query_spans_point_at_the_words() -> None:
    text = "Which port, which Staging port?"
    spans = query_terms(text).spans
    assert [text[start:end] for start, end in spans] == ["port", "Staging"]


def test_only_the_innermost_parts_take_positions() -> None:
    tokens = analyse("see tools/get_userName.py now")
    by_position = [token.term for token in tokens if token.kind is TokenKind.WORD]
    assert by_position == ["see", "tool", "get", "user", "name", "py", "now"]
    assert [token.position for token in tokens] == sorted(token.position for token in tokens)
    wholes = [token.term for token in tokens if token.kind is TokenKind.WHOLE]
    assert wholes == ["tools/get_username.py", "get_username.py", "getusernam", "usernam"]


@pytest.mark.parametrize(
    ("written", "phrase"),
    [
        ("edit nginx.conf by hand", "nginx conf by"),
        ("edit nginx.conf by hand", "edit nginx.conf"),
        ("she said: the user's name", "users name"),
        ("在北京大学 server room", "北京大学 server"),
    ],
)
def test_a_phrase_matches_in_whoosh(written: str, phrase: str) -> None:
    storage = RamStorage()
    schema = Schema(id=ID(stored=True), body=TEXT(analyzer=NoteAnalyzer(), phrase=True))
    index = storage.create_index(schema)
    writer = index.writer()
    writer.add_document(id="1", body=written)
    writer.commit()
    with index.searcher() as searcher:
        assert len(searcher.search(Phrase("body", list(phrase_terms(phrase))))) == 1
    index.close()


def test_whoosh_gets_the_same_tokens() -> None:
    text = "Deploy get_userName v2.1.0 to 北京大学"
    analyzer = NoteAnalyzer()
    whoosh = [
        (token.text, token.startchar, token.endchar, token.pos)
        for token in analyzer(text, positions=True, chars=True, mode="index")
    ]
    assert whoosh == [(t.term, t.start, t.end, t.position) for t in analyse(text)]
    asked = [token.text for token in analyzer("北京", mode="query")]
    assert asked == ["北京"]


@given(TEXTS)
@example("a" + "\u0301" * 50)
@example("ﷺ")
@example("ｶﾞ\u3099")
@settings(max_examples=150)
def test_any_text_is_analysed_within_bounds(text: str) -> None:
    tokens = analyse(text)
    assert len(tokens) <= 4 * len(text)
    for token in tokens:
        assert 0 <= token.start < token.end <= len(text)
        assert 0 < len(token.term) <= MAX_TERM_CHARACTERS
    assert [t.position for t in tokens] == sorted(t.position for t in tokens)
    query_terms(text)
    phrase_terms(text)


@given(TEXTS)
@settings(max_examples=150)
def test_offsets_slice_back_to_the_word(text: str) -> None:
    for token in analyse(text):
        source = text[token.start : token.end]
        if token.kind is TokenKind.WORD:
            stem = token.term[:-2]  # a stemmer may have changed the end
            assert fold_word(source)[: len(stem)] == stem[: len(fold_word(source))]
        if token.kind is TokenKind.PAIR:
            assert token.term in nfkc_with_offsets(source)[0]


@given(TEXTS)
@settings(max_examples=100)
def test_a_text_matches_its_own_words(text: str) -> None:
    assert set(query_terms(text).terms) <= terms(text)


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a.",
        "_",
        "a_",
        "aB",
        "北",
        "a'",
        "1,234",
        "a\u0301",
        "\u1100\u1161",
        ".a",
        "a://",
        "é",
        "1 ",
        "(1",
        "1-",
        "A. ",
        "9 am ",
        "may ",
    ],
)
def test_long_runs_are_analysed_in_time(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    started = time.process_time()
    tokens = analyse(text)
    assert time.process_time() - started < 10
    assert sum(len(token.term) for token in tokens) <= 4 * len(text) + 4 * MAX_TERM_CHARACTERS
