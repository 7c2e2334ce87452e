"""The part of a chunk that best shows why it was found, on one line, its matches marked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from membrowse.index.analyser import analyse
from membrowse.index.characters import SPACELESS, fold_in_place

LENGTH = 240
"""Characters of a snippet, the ellipses aside."""
_LEAD = 40
"""Characters shown before the best match, where the text's beginning is not shown."""
_LONGEST_RUN = 120

_SPACELESS = re.compile(f"[{SPACELESS}]+")
_CONNECTORS = frozenset("_.-/:@#+&\\'\u2019\u2010\u2011")
_REST_OF_RUN = re.compile(r"[\w.\-/:@#+&\\'\u2019\u2010\u2011\u0300-\u036f]*")
_IRREGULAR = {"die": "dy", "lie": "ly", "tie": "ty"}

Span = tuple[int, int]
Match = tuple[int, int, str]
"""Start, end, term."""


@dataclass(frozen=True, slots=True)
class Snippet:
    text: str
    """One line: every run of white space is one space."""
    marks: tuple[Span, ...]
    """Spans of `text` that hold a query term, in order, without overlap."""


def marks(text: str, weights: Mapping[str, float]) -> tuple[Span, ...]:
    """Where the terms of `weights` stand in `text`, in order, without overlap."""
    return _united([(t.start, t.end, t.term) for t in analyse(text) if t.term in weights])


class Snippets:
    """Makes the snippets of one query; words are looked up once for all its chunks."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        """`weights`: the query's terms and what each is worth."""
        self.weights = weights
        self._exact = [term for term in weights if _SPACELESS.match(term)]
        spelled = (term for term in weights if not _SPACELESS.match(term))
        self._beginnings = list(dict.fromkeys(b for term in spelled for b in _beginnings(term)))
        self._runs: dict[str, list[Match]] = {}

    def of(self, text: str, *, thorough: bool = False) -> Snippet:
        """The window of `text` with the most of the terms' weight, each term counted once.

        A term that is written otherwise than it begins (`user_name` for `username`) is found only
        where `thorough` is set, which takes ten times as long; set it where a match is expected.
        """
        line = " ".join(text.split())
        found = self._found(line)
        if not found and thorough:
            found = [(t.start, t.end, t.term) for t in analyse(line) if t.term in self.weights]
        start = self._best_start(line, found)
        end = _break_before(line, start + LENGTH, start)
        spans = _united([match for match in found if start <= match[0] and match[1] <= end])
        before, after = "… " if start else "", " …" if end < len(line) else ""
        shift = len(before) - start
        shown = tuple((first + shift, last + shift) for first, last in spans)
        return Snippet(f"{before}{line[start:end]}{after}", shown)

    def _found(self, text: str) -> list[Match]:
        """Where the terms stand, by looking only where one can begin.

        A stem begins as its words do, but for its last letter; so words are found by that beginning
        and then analysed.
        """
        folded = fold_in_place(text)
        found: set[Match] = set()
        for term in self._exact:
            found.update((at, at + len(term), term) for at in _places(folded, term))
        for beginning in self._beginnings:
            for at in _places(folded, beginning):
                if not at or not text[at - 1].isalnum() or _can_begin(text, at):
                    found.update(self._around(text, at))
        return sorted(found, key=_by_place) if found else []

    def _around(self, text: str, at: int) -> list[Match]:
        """The terms in the run of word characters and connectors around `at`."""
        first = at
        while first and (text[first - 1].isalnum() or text[first - 1] in _CONNECTORS):
            first -= 1
            if at - first == _LONGEST_RUN:
                break
        rest = _REST_OF_RUN.match(text, at, at + _LONGEST_RUN)
        run = text[first : rest.end() if rest else at + 1]
        known = self._runs.get(run)
        if known is None:
            known = [(t.start, t.end, t.term) for t in analyse(run) if t.term in self.weights]
            self._runs[run] = known
        return [(start + first, end + first, term) for start, end, term in known]

    def _best_start(self, text: str, found: list[Match]) -> int:
        """Where the window begins: at the text's beginning, or a little before the best match."""
        if not found or len(text) <= LENGTH:
            return 0
        best, best_worth, worth = 0, 0.0, 0.0
        within = dict.fromkeys(self.weights, 0)
        last = 0
        for start, _, term in found:
            while last < len(found) and found[last][1] <= start + LENGTH - _LEAD:
                entering = found[last][2]
                within[entering] += 1
                worth += self.weights[entering] * (within[entering] == 1)
                last += 1
            if worth > best_worth + 1e-9:
                best, best_worth = start, worth
            within[term] -= 1
            worth -= self.weights[term] * (within[term] == 0)
        return _break_after(text, best - _LEAD, best) if best > _LEAD else 0


def _by_place(match: Match) -> tuple[int, int]:
    return match[0], -match[1]


def _beginnings(term: str) -> tuple[str, ...]:
    beginning = term[:-1] if len(term) > 2 and term.isalpha() else term
    return (beginning, _IRREGULAR[term]) if term in _IRREGULAR else (beginning,)


def _places(folded: str, beginning: str) -> list[int]:
    places = []
    at = folded.find(beginning)
    while at >= 0:
        places.append(at)
        at = folded.find(beginning, at + 1)
    return places


def _can_begin(text: str, at: int) -> bool:
    """Whether a word can begin within a run of letters and digits: `userName`, `10GB`, `年port`."""
    before, here = text[at - 1], text[at]
    return here.isupper() or before.isdigit() or _SPACELESS.match(before) is not None


def _united(found: list[Match]) -> tuple[Span, ...]:
    """Spans in order; of those that overlap, their union."""
    spans: list[Span] = []
    for start, end, _ in found:
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((start, end))
    return tuple(spans)


def _break_after(text: str, start: int, limit: int) -> int:
    """The last start of a sentence, else the first of a word, from `start` up to `limit`."""
    sentence = text.rfind(". ", start - 2, limit)
    if sentence >= 0:
        return sentence + 2
    space = text.find(" ", start - 1, limit)
    return space + 1 if space >= 0 else start


def _break_before(text: str, end: int, start: int) -> int:
    """The last end of a word up to `end`, where that is not far back."""
    if end >= len(text):
        return len(text)
    space = text.rfind(" ", start, end + 1)
    return space if space > end - _LEAD else end
