"""Lines on a terminal, with NO_COLOR, and on a pipe."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from membrowse.cli.terminal import STYLES, styled, unstyled
from membrowse.presentation.diagnosis import diagnosis_page
from membrowse.presentation.explanation import explanation_page
from membrowse.presentation.lines import Line, Part
from membrowse.presentation.pins import list_page, run_page
from membrowse.presentation.search import search_page
from membrowse.presentation.tokens import tokens_page
from membrowse.tui import styles
from tests.standin import replies
from tests.standin.replies import response

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")


def pages(width: int) -> list[list[Line]]:
    """A page of every kind."""
    pins = replies.run(replies.result("g01", 1), replies.result("g02", 9, before=4))
    return [
        search_page(response(), NOW, width),
        explanation_page(replies.explanation(), None, NOW, width),
        diagnosis_page(replies.why(), width),
        tokens_page(replies.tokens(), width),
        run_page(pins, width),
        list_page(pins, width),
    ]


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_a_terminal_gets_the_same_text_as_a_pipe_with_styles(width: int) -> None:
    for page in pages(width):
        text = styled(page, width)
        assert ESCAPE.search(text)
        assert ESCAPE.sub("", text) == unstyled(page)


def test_a_pipe_gets_no_escape_sequence_and_no_trailing_space() -> None:
    for page in pages(100):
        text = unstyled(page)
        assert "\x1b" not in text
        assert all(line == line.rstrip(" ") for line in text.split("\n"))


def test_no_color_leaves_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = [code for page in pages(120) for code in ESCAPE.findall(styled(page, 120))]
    assert any(re.search(r"\b3[0-7]\b", code) for code in coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = [code for page in pages(120) for code in ESCAPE.findall(styled(page, 120))]
    assert plain
    assert not [code for code in plain if re.search(r"\b(3[0-7]|9[0-7])\b", code)]


def test_text_is_never_read_as_markup() -> None:
    assert "[bold]x[/bold] :smile:" in styled([[Part("[bold]x[/bold] :smile:")]], 40)


def test_both_back_ends_know_the_same_styles() -> None:
    preview = {name for name in styles.STYLES if name[-1:].isdigit()}
    assert STYLES.keys() - styles.STYLES.keys() == set()
    assert styles.STYLES.keys() - STYLES.keys() - preview == {
        "brand",
        "name",
        "gutter",
        "inside",
        "rule",
    }
