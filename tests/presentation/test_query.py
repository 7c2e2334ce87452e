"""How a query was read, in a line."""

from __future__ import annotations

import msgspec

from membrowse.presentation.lines import plain
from membrowse.presentation.query import query_line
from membrowse.wire.search import Query, Term

QUERY = Query(
    text="evening -berg Carolin's k8s",
    syntax="operators",
    terms=(
        Term(term="even", df=17, typed="evening"),
        Term(term="carolin", df=0, typed="Carolin's"),
        Term(term="k8s", df=0, typed="k8s"),
        Term(term="k8", df=2, typed="k8s"),
    ),
    required=('"a phrase"', "-berg", "title:port"),
)


def line(query: Query) -> str:
    return plain(query_line(query, 200)).strip()


def test_words_are_shown_as_typed_each_once_and_exclusions_as_what_they_are() -> None:
    assert line(QUERY) == (
        'evening 17 · Carolin\'s 0 notes · k8s 2 · must: "a phrase" title:port · without: berg'
    )


def test_no_word_is_called_absent_while_the_folder_is_read() -> None:
    partial = line(msgspec.structs.replace(QUERY, partial=True))
    assert partial.startswith("evening 17 · Carolin's … · k8s 2")


def test_terms_of_an_engine_that_does_not_say_what_was_typed_are_shown_themselves() -> None:
    bare = Query(text="evening", syntax="literal", terms=(Term(term="even", df=17),))
    assert line(bare) == "even 17"
