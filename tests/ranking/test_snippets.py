"""The part of a chunk that a snippet shows, and its marks."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from membrowse.index.analyser import analyse
from membrowse.ranking.snippets import SNIPPET_CHARACTERS, Snippets, _merge_overlapping

WORDS = st.sampled_from(
    ["port", "Ports", "deploys", "user_name", "café", "北京", "a", "the", "x.y"]
)
TEXTS = st.lists(
    st.one_of(WORDS, st.sampled_from([" ", "\n", "\n\n", ". ", ", ", "é"])), max_size=200
).map("".join)
TERMS = {"port": 3.0, "deploy": 2.0, "user": 1.0, "cafe": 1.0, "北京": 2.0}


def marks(text: str, terms: Collection[str]) -> tuple[tuple[int, int], ...]:
    """Where `terms` occur in `text` according to the analyser, without overlap."""
    tokens = [token for token in analyse(text) if token.term in terms]
    return _merge_overlapping([(token.start, token.end, token.term) for token in tokens])


@pytest.mark.parametrize(
    ("text", "term", "words"),
    [
        ("The Ports of staging; port 22.", "port", ["Ports", "port"]),
        ("happy happiness", "happi", ["happy", "happiness"]),
        ("dying and ties", "die", ["dying"]),
        ("set user_name now", "user", ["user"]),
        ("set user_name now", "usernam", ["user_name"]),
        ("v2.14.3 it is", "2.14", ["v2.14.3"]),
        ("Im Café sitzen", "cafe", ["Café"]),
        ("在北京大学", "北京", ["北京"]),
        ("report and support", "port", []),
        ("at 9 a.m. sharp", "9am", ["9 a.m."]),
        ("has 8 GB of it", "8gb", ["8 GB"]),
        ("runs on node.js now", "nodej", ["node.js"]),
        ("in the U.S.A. we", "usa", ["U.S.A"]),
        ("bere l'acqua e dell'acqua", "acqua", ["l'acqua", "dell'acqua"]),
    ],
)
def test_the_words_of_a_term_are_marked(text: str, term: str, words: list[str]) -> None:
    shown = Snippets({term: 1.0}).snippet(text, thorough=True)
    assert [shown.text[start:end] for start, end in shown.marks] == words
    assert [text[start:end] for start, end in marks(text, [term])] == words


def test_the_window_with_the_most_weight_is_shown() -> None:
    filler = "nothing of interest is written here at all. " * 12
    text = f"A port.\n{filler}\nThe staging port is 22.\n{filler}"
    shown = Snippets({"port": 1.0, "stage": 2.0}).snippet(text)
    assert shown.text.startswith("… The staging port is 22. nothing")
    assert shown.text.endswith(" …")
    assert [shown.text[a:b] for a, b in shown.marks] == ["staging", "port"]


def test_without_a_match_the_beginning_is_shown() -> None:
    assert Snippets({"port": 1.0}).snippet("# Title\n\n\tSome   text").text == "# Title Some text"
    assert Snippets({}).snippet("").text == ""


@given(TEXTS)
@settings(max_examples=150)
def test_marks_lie_in_the_snippet_in_order(text: str) -> None:
    shown = Snippets(TERMS).snippet(text)
    assert len(shown.text) <= SNIPPET_CHARACTERS + 4
    assert "\n" not in shown.text and "  " not in shown.text.replace("… ", "").replace(" …", "")
    last = 0
    for start, end in shown.marks:
        assert last <= start < end <= len(shown.text)
        last = end
        assert {token.term for token in analyse(shown.text[start:end])} & TERMS.keys()


@given(TEXTS)
@settings(max_examples=100)
def test_marks_are_those_of_the_whole_text(text: str) -> None:
    short = text[: SNIPPET_CHARACTERS // 2].strip()
    shown = Snippets(TERMS).snippet(short)
    expected = [short[start:end] for start, end in marks(short, TERMS)]
    assert [shown.text[start:end] for start, end in shown.marks] == expected


@given(st.text(max_size=600))
@settings(max_examples=100)
def test_no_text_is_an_error(text: str) -> None:
    shown = Snippets(TERMS).snippet(text)
    assert all(0 <= start < end <= len(shown.text) for start, end in shown.marks)
