"""Spelling suggestions for query words that match nothing in the folder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from membrowse.index.analyser import fold_word
from membrowse.index.protocols import KeywordIndex
from membrowse.notes.characters import SPACELESS
from membrowse.ranking.query_parser import ParsedQuery
from membrowse.wire.explanation import SpellingSuggestion

MAX_SUGGESTIONS = 5
"""Suggestions per word."""
MIN_CHARACTERS, MAX_CHARACTERS = 3, 40
"""Length of words that get suggestions."""

_WORD = re.compile(rf"[^\W_{SPACELESS}]+")
_EDITS_BY_LENGTH = ((4, 1), (9, 2), (MAX_CHARACTERS, 3))
"""Maximum edits of words up to a length."""
_LETTER_BINS = 48
_TEXTS_PER_STEP = 32


class Vocabulary:
    """The unstemmed words of texts, searchable for similar ones in a few milliseconds."""

    def __init__(self, texts: Iterable[str], pause: Callable[[], None] = lambda: None) -> None:
        """Read all `texts` (a second for 19,000 chunks); calls `pause` every few texts."""
        word_counts: Counter[str] = Counter()
        for number, text in enumerate(texts):
            word_counts.update(_WORD.findall(text))
            if number % _TEXTS_PER_STEP == 0:
                pause()
        counts: Counter[str] = Counter()
        for word, count in word_counts.items():
            if MIN_CHARACTERS <= len(word) <= MAX_CHARACTERS and not word.isdecimal():
                counts[fold_word(word)] += count
        pause()
        self._words = sorted(counts)
        self._counts = counts
        self._lengths = np.array([len(word) for word in self._words], np.int16)
        self._letters = np.zeros((len(self._words), _LETTER_BINS), np.int8)
        for row, word in enumerate(self._words):
            self._letters[row] = _letters(word)

    def suggest(self, word: str) -> tuple[str, ...]:
        """Return other words with few edits from `word` (folded), nearest and most frequent
        first.
        """
        max_edits = next((edits for length, edits in _EDITS_BY_LENGTH if len(word) <= length), 0)
        if len(word) < MIN_CHARACTERS or not max_edits or not self._words:
            return ()
        candidates = [
            (edits, other[0] != word[0], -self._counts[other], other)
            for other in self._candidates(word, max_edits)
            if 0 < (edits := edit_distance(word, other)) <= max_edits
        ]
        return tuple(other for _, _, _, other in sorted(candidates)[:MAX_SUGGESTIONS])

    def _candidates(self, word: str, edits: int) -> list[str]:
        """Return words that can be `edits` away: each edit changes letter counts by at most two."""
        rows = np.flatnonzero(np.abs(self._lengths - len(word)) <= edits)
        changes = np.abs(self._letters[rows] - _letters(word)).sum(axis=1, dtype=np.int16)
        return [self._words[row] for row in rows[changes <= 2 * edits].tolist()]


def _letters(word: str) -> NDArray[np.int8]:
    """Count the letters of `word`; letters share bins."""
    bins = [ord(character) % _LETTER_BINS for character in word]
    return np.bincount(bins, minlength=_LETTER_BINS).astype(np.int8)


def edit_distance(one: str, other: str) -> int:
    """Return the optimal string alignment distance of two words.

    Counts insertions, deletions, replacements and swaps of neighbours (Damerau, CACM 7 (1964), each
    place edited once).
    """
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            best = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]


def unknown_words(parsed: ParsedQuery, reader: KeywordIndex) -> list[str]:
    """Return the words of the query, as typed, that no live chunk contains in any field."""
    unknown: dict[str, None] = {}
    for term, (start, end) in zip(parsed.terms.terms, parsed.terms.spans, strict=True):
        typed = parsed.words[start:end]
        if _WORD.fullmatch(typed) and not typed.isdecimal() and not reader.df(term):
            unknown[typed] = None
    return list(unknown)


def suggest_spellings(words: Iterable[str], vocabulary: Vocabulary) -> list[SpellingSuggestion]:
    """Return suggestions for those of `words` (as typed) that have any."""
    suggestions = (
        SpellingSuggestion(typed=word, near=vocabulary.suggest(fold_word(word))) for word in words
    )
    return [suggestion for suggestion in suggestions if suggestion.near]
