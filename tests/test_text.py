"""Untrusted text is shown, never interpreted."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membrowse.text import shown, shown_block

HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\x1b]52;c;aGVsbG8=\x07",
    "\x9b31m",
    "a\x00b\x7fc",
    "\u202egnp.exe\u202c",
    "\u2066isolate\u2069",
    "zero\u200bwidth\u2060joiner\ufeff",
    "line\u2028separator\u2029",
    "tag\U000e0041\U000e007f",
    "soft\u00adhyphen",
    "\ud800 lone surrogate",
]


def is_dangerous(character: str) -> bool:
    if character in "\u200d\ufe0e\ufe0f":
        return False  # these join and style emoji; they hide and reorder nothing
    category = unicodedata.category(character)
    return category in {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_becomes_visible(text: str) -> None:
    assert not any(map(is_dangerous, shown(text)))


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_no_dangerous_character_passes(text: str) -> None:
    assert not any(map(is_dangerous, shown(text)))


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_the_length_is_kept_so_offsets_stay_valid(text: str) -> None:
    assert len(shown(text)) == len(shown_block(text)) == len(text)


@given(st.text(alphabet=st.characters(exclude_categories=["C", "Z"])))
def test_letters_of_every_script_are_unchanged(text: str) -> None:
    invisible = {"\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u3164", "\uffa0"}
    kept = [character for character in text if character not in invisible]
    kept = [c for c in kept if not "\u180b" <= c <= "\u180f" and not c >= "\U000e0100"]
    assert shown("".join(kept)) == "".join(kept)


def test_a_block_keeps_its_lines() -> None:
    assert shown_block("one\n\ttwo\r\n") == "one\n two\N{SYMBOL FOR CARRIAGE RETURN}\n"
