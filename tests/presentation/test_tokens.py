"""A text as analyser and encoder read it, as lines."""

from __future__ import annotations

from membrowse.presentation.tokens import tokens_page
from membrowse.wire.tokens import Tokens
from tests.cli.hostile import HOSTILE, acts, filled
from tests.presentation.pages import text_of
from tests.standin import replies


def page(tokens: Tokens, width: int = 80) -> str:
    return text_of(tokens_page(tokens, width))


def test_tokens_go_from_typed_to_term_and_stop_words_are_named() -> None:
    text = page(replies.tokens())
    assert "   Which          which          which          word           203  stop word\n" in text
    assert "   PORTS          ports          port           word            41\n" in text
    assert "   k8s            k8s            k8             part       0 notes\n" in text


def test_pieces_are_counted_against_the_window_and_unknown_ones_in_brackets() -> None:
    text = page(replies.tokens())
    assert "6 of 256 word pieces · 25% unknown\n" in text
    assert "[CLS]│ which│ k8│ ##s│ ⟦端口⟧│\n" in text
    over = page(replies.tokens(count=300))
    assert "300 of 256 word pieces" in over and "! only the first 256 are read\n" in over
    assert "header  Ports › SSH\n" in page(replies.tokens(header="Ports › SSH"))
    assert "   no model\n" in page(replies.tokens(message="no model", pieces=()))


def test_hostile_text_is_shown_and_does_nothing() -> None:
    assert not acts(page(filled(replies.tokens(), HOSTILE)))
    assert not acts(page(filled(replies.tokens(message=""), HOSTILE)))
