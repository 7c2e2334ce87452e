"""The part of a chunk that best shows why it was found, on one line, its matches marked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from membrowse.index.analysis import Token, analyse

LENGTH = 240
"""Characters of a snippet, the ellipses aside."""
_LEAD = 40
"""Characters shown before the first match where the chunk's beginning is not shown."""
_SPACE = re.compile(r"\s+")
_IRREGULAR = {"die": "dy", "lie": "ly", "tie": "ty"}
_EDGE = re.compile(r"[\w.\-/@:#+'\u2019]*")
_EDGE_BEFORE = re.compile(r"[\w.\-/@:#+'\u2019]*\Z")
_LONGEST_WORD = 80

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Snippet:
    text: str
    """One line: every run of white space is one space."""
    marks: tuple[Span, ...]
    """Spans of `text` that hold a query term, in order, without overlap."""


@dataclass(frozen=True, slots=True)
class _Match:
    start: int
    end: int
    term: str


def marks(text: str, weights: Mapping[str, float]) -> tuple[Span, ...]:
    """Where the terms of `weights` stand in `text`, in order, without overlap."""
    return _without_overlap(_all_matches(text, weights))


def snippet(text: str, weights: Mapping[str, float], *, thorough: bool = False) -> Snippet:
    """The window of `text` with the most of the terms' weight, each term counted once.

    A term that is written otherwise than it begins (`user_name` for `username`) is found only where
    `thorough` is set, which takes ten times as long; set it where a match is to be expected.
    """
    matches = _matches(text, weights) or (_all_matches(text, weights) if thorough else [])
    start = _best_start(text, matches, weights)
    end = _break_before(text, min(len(text), start + LENGTH), start)
    inside = [match for match in matches if start <= match.start and match.end <= end]
    return _on_one_line(text, start, end, _without_overlap(inside))


def _matches(text: str, weights: Mapping[str, float]) -> list[_Match]:
    """Like `_all_matches`, by looking only where a term can stand.

    A stem begins as its words do, but for its last letter; so words are found by that beginning
    and then analysed.
    """
    lowered = text.lower()
    if len(lowered) != len(text) or not lowered.isascii():
        return _all_matches(text, weights)
    starts = {
        found
        for term in weights
        for beginning in _beginnings(term)
        for found in _places(lowered, beginning)
    }
    matches: dict[Span, _Match] = {}
    done = -1
    for place in sorted(starts):
        if place < done:
            continue
        first, done = _word_around(text, place)
        for token in analyse(text[first:done]):
            if token.term in weights:
                found_match = _shifted(token, first)
                matches.setdefault((found_match.start, found_match.end), found_match)
    return sorted(matches.values(), key=lambda match: (match.start, -match.end))


def _all_matches(text: str, weights: Mapping[str, float]) -> list[_Match]:
    return [_Match(t.start, t.end, t.term) for t in analyse(text) if t.term in weights]


def _shifted(token: Token, by: int) -> _Match:
    return _Match(token.start + by, token.end + by, token.term)


def _beginnings(term: str) -> tuple[str, ...]:
    stemmed = term.isalpha() and len(term) > 2
    beginning = term[:-1] if stemmed else term
    return (beginning, _IRREGULAR[term]) if term in _IRREGULAR else (beginning,)


def _places(lowered: str, beginning: str) -> list[int]:
    """Where `beginning` stands at the start of a word."""
    places = []
    place = lowered.find(beginning)
    while place >= 0:
        places.append(place)
        place = lowered.find(beginning, place + 1)
    return places


def _word_around(text: str, place: int) -> Span:
    """The run of word characters and connectors around `place`."""
    before = _EDGE_BEFORE.search(text, max(0, place - _LONGEST_WORD), place)
    after = _EDGE.match(text, place, place + _LONGEST_WORD)
    first = before.start() if before else place
    last = after.end() if after else place
    return first, max(last, place + 1)


def _without_overlap(matches: list[_Match]) -> tuple[Span, ...]:
    """Spans in order; of those that overlap, their union."""
    spans: list[Span] = []
    for match in matches:
        if spans and match.start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], match.end))
        else:
            spans.append((match.start, match.end))
    return tuple(spans)


def _best_start(text: str, matches: list[_Match], weights: Mapping[str, float]) -> int:
    """Where the window begins: at the text's beginning, or a little before the best match."""
    if not matches or len(text) <= LENGTH:
        return 0
    best, best_worth = 0, _worth(matches, 0, weights)
    for index, match in enumerate(matches):
        worth = _worth(matches, match.start, weights, index)
        if worth > best_worth + 1e-9:
            best, best_worth = match.start, worth
    return _break_after(text, max(0, best - _LEAD), best)


def _worth(
    matches: list[_Match], start: int, weights: Mapping[str, float], index: int = 0
) -> float:
    """The weight of the distinct terms in the window from `start`, less its lead."""
    end = start + LENGTH - _LEAD
    terms = set()
    for match in matches[index:]:
        if match.end > end:
            break
        terms.add(match.term)
    return sum(weights[term] for term in terms)


def _break_after(text: str, start: int, limit: int) -> int:
    """The first start of a line, else of a word, from `start` on and up to `limit`."""
    if start == 0:
        return 0
    line = text.find("\n", start - 1, limit)
    if line >= 0:
        return line + 1
    space = _SPACE.search(text, start - 1, limit)
    return space.end() if space else start


def _break_before(text: str, end: int, start: int) -> int:
    """The last end of a word up to `end`, where that is not far back."""
    if end == len(text):
        return end
    space = max(text.rfind(blank, start, end + 1) for blank in " \n")
    return space if space > end - _LEAD else end


def _on_one_line(text: str, start: int, end: int, spans: tuple[Span, ...]) -> Snippet:
    """The window with white space as single spaces, an ellipsis where text was left out."""
    prefix = "… " if text[:start].strip() else ""
    suffix = " …" if text[end:].strip() else ""
    parts, shown, position = [prefix], [], start
    length = len(prefix)
    leading = len(text[start:end]) - len(text[start:end].lstrip())
    position += leading
    for first, last in spans:
        between = _SPACE.sub(" ", text[position:first])
        inside = _SPACE.sub(" ", text[first:last])
        shown.append((length + len(between), length + len(between) + len(inside)))
        length += len(between) + len(inside)
        parts += [between, inside]
        position = last
    parts += [_SPACE.sub(" ", text[position:end]).rstrip(), suffix]
    return Snippet("".join(parts), tuple(shown))
