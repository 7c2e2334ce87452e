"""Spelling variants of amounts, joined forms and names share a term."""

from __future__ import annotations

import string
import unicodedata
from itertools import combinations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from membrowse.index.analyser import TokenKind, analyse, phrase_terms, query_terms

VARIANTS = [
    ("8 GB", "8GB", "8gb", "8\u00a0GB"),
    ("5mg", "5 mg", "5 MG"),
    ("9am", "9 am", "9 a.m.", "9AM"),
    ("10:30 pm", "10:30pm", "10:30 p.m."),
    ("30s", "30 s"),
    ("2TB", "2 TB"),
    ("15k", "15 k", "15K"),
    ("1.5 GB", "1.5GB"),
    ("1,500mg", "1500 mg"),
    ("8-bit", "8bit", "8 bit"),
    ("20 °C", "20°C"),
    ("5 µs", "5μs"),
    ("node.js", "nodejs", "Node.js"),
    ("CI/CD", "cicd", "ci-cd"),
    ("U.S.A.", "USA", "usa"),
    ("Ph.D.", "PhD", "phd"),
    ("TCP/IP", "tcpip"),
    ("555-0142", "5550142", "555 0142"),
    ("(555) 123-4567", "555-123-4567", "5551234567"),
    ("+1 555 123 4567", "+1-555-123-4567", "15551234567"),
    ("00:1B:44:11:3A:B7", "00-1b-44-11-3a-b7", "001b.4411.3ab7", "001B44113AB7"),
    ("978-3-16-148410-0", "9783161484100", "978 3 16 148410 0"),
    ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
    ("4111 1111 1111 1111", "4111-1111-1111-1111", "4111111111111111"),
    ("123e4567-e89b-12d3-a456-426614174000", "123E4567E89B12D3A456426614174000"),
    ("15 000", "15,000", "15000"),
    ("78FEAF4D", "78feaf4d", "0x78FEAF4D"),
    ("RTX4090", "RTX-4090", "RTX 4090"),
    ("DE123456789", "DE 123456789"),
    ("1920x1080", "1920 x 1080", "1920×1080"),
    ("J. R. R. Tolkien", "J.R.R. Tolkien", "JRR"),
    ("Python 3.11", "python3.11"),
    ("16 A", "16A"),
    ("SHA-256", "sha256"),
    ("3rd", "3"),
    ("1990s", "1990"),
    ("v2.14", "2.14"),
    ("dell'acqua", "dell’acqua", "acqua"),
    ("L’Oréal", "l'oreal", "loreal"),
    ("l'eau", "eau"),
    ("col·lecció", "collecció"),
    ("Ankara'ya", "Ankara"),
    ("O'Brien", "OBrien", "O’Brien"),
    ("Hawaiʻi", "Hawaii"),
    ("🇩🇪", "🇩🇪"),
]


def terms(text: str) -> set[str]:
    return {token.term for token in analyse(text)}


@pytest.mark.parametrize(
    ("written", "typed"),
    [pair for group in VARIANTS for each in combinations(group, 2) for pair in (each, each[::-1])],
)
def test_spelling_variants_meet(written: str, typed: str) -> None:
    kept = query_terms(typed).terms
    assert kept
    assert set(kept) & terms(f"We noted {written} there.")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("8 GB", "16GB"),
        ("30s", "300s"),
        ("5mg", "50mg"),
        ("5 GB", "1.5GB"),
        ("10.0.0.1", "100.0.1"),
        ("2.14.3", "2143"),
        ("node.js", "node.md"),
        ("AMD", "a.md"),
        ("2-3", "23"),
        ("IT", "it"),
        ("🇩🇪", "🇫🇷"),
    ],
)
def test_the_whole_of_one_form_is_no_term_of_another(one: str, other: str) -> None:
    wholes = {t.term for t in analyse(one) if t.kind in (TokenKind.WHOLE, TokenKind.PART)}
    assert not (wholes or terms(one)) & terms(other)


def test_number_and_unit_are_found_together_and_apart() -> None:
    for written in ("8GB", "8 GB"):
        assert {"8gb", "8", "gb"} <= terms(written)


@pytest.mark.parametrize("written", ["78FEAF4D", "A1B2C3D4", "DEADBEEF01"])
def test_hexadecimal_numbers_are_not_camel_case(written: str) -> None:
    assert all(token.end - token.start == len(written) for token in analyse(written))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("What did we decide on May 5?", "MAY"),
        ("minutes of 5 may", "MAY"),
        ("the 3rd of may", "MAY"),
        ("ask Will about it", "WILL"),
        ("Who is Will?", "WILL"),
        ("plans in may", "MAY"),
        ("what the US office wants", "US"),
        ("flights to the U.S. in spring", "US"),
        ("call IT about the printer", "IT"),
        ("advice of the WHO", "WHO"),
    ],
)
def test_a_stop_word_written_as_a_name_is_kept(text: str, name: str) -> None:
    query = query_terms(text)
    assert {name, name.lower()} <= set(query.terms)
    start, end = query.spans[query.terms.index(name)]
    assert text[start:end].replace(".", "").upper() == name
    assert name in terms(f"Yesterday {text}")


@pytest.mark.parametrize(
    "text",
    [
        "it may rain",
        "Will it rain",
        "tell us more. May we?",
        "WHAT IT DOES FOR US",
        "What is it?",
    ],
)
def test_a_stop_word_written_as_one_is_no_name(text: str) -> None:
    assert TokenKind.NAME not in {token.kind for token in analyse(text)}


def test_a_name_takes_its_place_in_a_phrase() -> None:
    assert phrase_terms("of May 5") == ("of", "may", "5")


UNITS = st.sampled_from("GB MB kg mg s ms min h am pm Hz W km cm px".split())


@given(st.integers(0, 10**6), UNITS)
@settings(max_examples=100)
def test_an_amount_meets_its_spaced_form(number: int, unit: str) -> None:
    joined, spaced = f"{number}{unit}", f"{number} {unit}"
    whole = joined.lower()
    assert whole in terms(joined) & terms(spaced)
    assert whole in query_terms(joined).terms
    assert whole in query_terms(spaced).terms


NUMBERS = st.text(string.digits, min_size=7, max_size=15)


@given(NUMBERS, st.integers(2, 5), st.sampled_from("-. "))
@settings(max_examples=100)
def test_a_number_in_groups_meets_the_plain_one(number: str, first: int, separator: str) -> None:
    middle = (first + len(number)) // 2
    grouped = separator.join((number[:first], number[first:middle], number[middle:]))
    if separator != "." and max(first, middle - first, len(number) - middle) >= 3 and first <= 4:
        assert number in terms(f"call {grouped} today")


WORDS = st.text(st.characters(categories=["Lu", "Ll"], max_codepoint=0x24F), min_size=2, max_size=9)


@given(WORDS)
@settings(max_examples=200)
def test_a_word_meets_its_variants(word: str) -> None:
    asked = set(query_terms(word).terms)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert asked & terms(f"a {unicodedata.normalize(form, word)} b")
    full_width = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in word)
    assert asked & terms(full_width)
    assert asked & terms(f"{word}'s ") | terms(word)


@given(st.text(max_size=30))
@example("ـ")
@example("ʼ")
@example("ﾞ")
@example("\u3164")
@example("½")
@example("_x_")
@example("'s")
@example("🇩")
@settings(max_examples=400)
def test_no_letter_or_digit_is_left_without_a_term(text: str) -> None:
    covered = [(token.start, token.end) for token in analyse(text)]
    for position, character in enumerate(text):
        if character.isalnum():
            assert any(start <= position < end for start, end in covered), ascii(text)
    if any(map(str.isalnum, text)):
        assert query_terms(text).terms
