"""Choose the part of a chunk that best shows its matches, on one line with marks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from membrowse.index.analyser import analyse
from membrowse.index.joined_forms import spaced_forms
from membrowse.notes.characters import SPACELESS, fold_in_place

SNIPPET_CHARACTERS = 240
"""Length of a snippet without the ellipses."""
_LEAD = 40
"""Characters shown before the best match if the text's beginning is not shown."""
_MAX_RUN = 120

_SPACELESS = re.compile(f"[{SPACELESS}]+")
_CONNECTORS = frozenset("_.-/:@#+&\\'\u2019\u2010\u2011")
_REST_OF_RUN = re.compile(r"[\w.\-/:@#+&\\'\u2019\u2010\u2011\u0300-\u036f]*")
_IRREGULAR = {"die": "dy", "lie": "ly", "tie": "ty"}

Span = tuple[int, int]
Match = tuple[int, int, str]
"""Start, end and term."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """A one-line extract of a chunk."""

    text: str
    """One line: every run of white space is one space."""
    marks: tuple[Span, ...]
    """Spans of `text` that match a query term, in order, without overlap."""


class Snippets:
    """Makes the snippets of one query; looks up words once for all its chunks."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        """`weights` maps the query's terms to their weights."""
        self.weights = weights
        self._has_digits = any(character.isdigit() for term in weights for character in term)
        self._exact = [term for term in weights if _SPACELESS.match(term)]
        spelled = (term for term in weights if not _SPACELESS.match(term))
        self._beginnings = list(dict.fromkeys(b for term in spelled for b in _beginnings(term)))
        self._runs: dict[str, list[Match]] = {}

    def snippet(self, text: str, *, thorough: bool = False) -> Snippet:
        """Return the window of `text` with the greatest weight, each term counted once.

        Terms written differently from their beginning (`user_name` for `username`) are found only
        with `thorough`, which takes ten times as long; set it if a match is expected.
        """
        line = " ".join(text.split())
        matches = self._matches(line)
        if not matches and thorough:
            matches = [(t.start, t.end, t.term) for t in analyse(line) if t.term in self.weights]
        start = self._best_start(line, matches)
        end = _end_of_text(line, start + SNIPPET_CHARACTERS, start)
        inside = [match for match in matches if start <= match[0] and match[1] <= end]
        before, after = "… " if start else "", " …" if end < len(line) else ""
        shift = len(before) - start
        marks = tuple((first + shift, last + shift) for first, last in _merge_overlapping(inside))
        return Snippet(f"{before}{line[start:end]}{after}", marks)

    def _matches(self, text: str) -> list[Match]:
        """Return matches, looking only where a term can begin.

        A stem equals the beginning of its words except for its last letter, so words are found by
        that beginning and then analysed.
        """
        folded = fold_in_place(text)
        matches: set[Match] = set()
        if self._has_digits:
            forms = spaced_forms(text)
            matches.update((start, end, term) for start, end, term in forms if term in self.weights)
        for term in self._exact:
            matches.update(
                (position, position + len(term), term)
                for position in _word_occurrences(folded, term)
            )
        for beginning in self._beginnings:
            for position in _word_occurrences(folded, beginning):
                if not position or not text[position - 1].isalnum() or _can_begin(text, position):
                    matches.update(self._around(text, position))
        return sorted(matches, key=_by_position) if matches else []

    def _around(self, text: str, at: int) -> list[Match]:
        """Return matches in the run of word characters and connectors around `at`."""
        first = at
        while first and (text[first - 1].isalnum() or text[first - 1] in _CONNECTORS):
            first -= 1
            if at - first == _MAX_RUN:
                break
        rest = _REST_OF_RUN.match(text, at, at + _MAX_RUN)
        run = text[first : rest.end() if rest else at + 1]
        known = self._runs.get(run)
        if known is None:
            known = [(t.start, t.end, t.term) for t in analyse(run) if t.term in self.weights]
            self._runs[run] = known
        return [(start + first, end + first, term) for start, end, term in known]

    def _best_start(self, text: str, matches: list[Match]) -> int:
        """Return the window's start: the text's beginning, or shortly before the best match."""
        if not matches or len(text) <= SNIPPET_CHARACTERS:
            return 0
        best, best_weight, weight = 0, 0.0, 0.0
        counts = dict.fromkeys(self.weights, 0)
        last = 0
        for start, _, term in matches:
            while last < len(matches) and matches[last][1] <= start + SNIPPET_CHARACTERS - _LEAD:
                entering = matches[last][2]
                counts[entering] += 1
                weight += self.weights[entering] * (counts[entering] == 1)
                last += 1
            if weight > best_weight + 1e-9:
                best, best_weight = start, weight
            counts[term] -= 1
            weight -= self.weights[term] * (counts[term] == 0)
        return _start_of_text(text, best - _LEAD, best) if best > _LEAD else 0


def _by_position(match: Match) -> tuple[int, int]:
    return match[0], -match[1]


def _beginnings(term: str) -> tuple[str, ...]:
    beginning = term[:-1] if len(term) > 2 and term.isalpha() else term
    return (beginning, _IRREGULAR[term]) if term in _IRREGULAR else (beginning,)


def _word_occurrences(folded: str, beginning: str) -> list[int]:
    positions = []
    position = folded.find(beginning)
    while position >= 0:
        positions.append(position)
        position = folded.find(beginning, position + 1)
    return positions


def _can_begin(text: str, at: int) -> bool:
    """Whether a word can begin inside a run of letters and digits: `userName`, `10GB`, `年port`."""
    before, here = text[at - 1], text[at]
    return here.isupper() or before.isdigit() or _SPACELESS.match(before) is not None


def _merge_overlapping(matches: list[Match]) -> tuple[Span, ...]:
    """Return the spans of `matches` in order, with overlapping ones merged."""
    spans: list[Span] = []
    for start, end, _ in matches:
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((start, end))
    return tuple(spans)


def _start_of_text(text: str, start: int, limit: int) -> int:
    """Return the last start of a sentence, else the first of a word, from `start` up to `limit`."""
    sentence = text.rfind(". ", start - 2, limit)
    if sentence >= 0:
        return sentence + 2
    space = text.find(" ", start - 1, limit)
    return space + 1 if space >= 0 else start


def _end_of_text(text: str, end: int, start: int) -> int:
    """Return the last end of a word up to `end` if it is close, else `end`."""
    if end >= len(text):
        return len(text)
    space = text.rfind(" ", start, end + 1)
    return space if space > end - _LEAD else end
