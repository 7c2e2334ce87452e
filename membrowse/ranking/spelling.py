"""Words of the folder that are written nearly as a word of the query that stands nowhere in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from membrowse.index.analyser import fold_word
from membrowse.index.characters import SPACELESS
from membrowse.index.keyword_reader import KeywordReader
from membrowse.ranking.query_parser import ParsedQuery
from membrowse.wire.explanation import SpellingSuggestion

MOST = 5
"""Near words that are named."""
SHORTEST, LONGEST = 3, 40
"""Characters of a word that has near ones."""

_WORD = re.compile(rf"[^\W_{SPACELESS}]+")
_EDITS_BY_LENGTH = ((4, 1), (9, 2), (LONGEST, 3))
"""Up to this length, so many edits."""
_BINS = 48
_TEXTS_A_STEP = 32


class Vocabulary:
    """The unstemmed words of texts, to be searched for near ones in a few milliseconds."""

    def __init__(self, texts: Iterable[str], pause: Callable[[], None] = lambda: None) -> None:
        """Reads all `texts` (a second for 19,000 chunks); calls `pause` every few of them."""
        written: Counter[str] = Counter()
        for number, text in enumerate(texts):
            written.update(_WORD.findall(text))
            if number % _TEXTS_A_STEP == 0:
                pause()
        counts: Counter[str] = Counter()
        for word, count in written.items():
            if SHORTEST <= len(word) <= LONGEST and not word.isdecimal():
                counts[fold_word(word)] += count
        pause()
        self._words = sorted(counts)
        self._counts = counts
        self._lengths = np.array([len(word) for word in self._words], np.int16)
        self._letters = np.zeros((len(self._words), _BINS), np.int8)
        for row, word in enumerate(self._words):
            self._letters[row] = _letters(word)

    def near(self, word: str) -> tuple[str, ...]:
        """The words that are the fewest edits from `word` (folded), the most frequent first; not
        itself."""
        most = next((edits for length, edits in _EDITS_BY_LENGTH if len(word) <= length), 0)
        if len(word) < SHORTEST or not most or not self._words:
            return ()
        found = [
            (edits, other[0] != word[0], -self._counts[other], other)
            for other in self._candidates(word, most)
            if 0 < (edits := distance(word, other)) <= most
        ]
        return tuple(other for _, _, _, other in sorted(found)[:MOST])

    def _candidates(self, word: str, edits: int) -> list[str]:
        """The words that can be `edits` away: an edit changes the letters' counts by two."""
        close = np.flatnonzero(np.abs(self._lengths - len(word)) <= edits)
        changed = np.abs(self._letters[close] - _letters(word)).sum(axis=1, dtype=np.int16)
        return [self._words[row] for row in close[changed <= 2 * edits].tolist()]


def _letters(word: str) -> NDArray[np.int8]:
    """How often each letter stands in `word`; letters share bins."""
    bins = [ord(character) % _BINS for character in word]
    return np.bincount(bins, minlength=_BINS).astype(np.int8)


def distance(one: str, other: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours between two words (optimal
    string alignment; Damerau, CACM 7 (1964), each place edited once)."""
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


def unknown_words(parsed: ParsedQuery, reader: KeywordReader) -> list[str]:
    """The words of the query, as typed, that no live chunk holds in any field."""
    found: dict[str, None] = {}
    for term, (start, end) in zip(parsed.terms.terms, parsed.terms.spans, strict=True):
        typed = parsed.words[start:end]
        if _WORD.fullmatch(typed) and not typed.isdecimal() and not reader.df(term):
            found[typed] = None
    return list(found)


def spellings(words: Iterable[str], vocabulary: Vocabulary) -> list[SpellingSuggestion]:
    """The near words of each of `words` (as typed), where there are any."""
    found = (
        SpellingSuggestion(typed=word, near=vocabulary.near(fold_word(word))) for word in words
    )
    return [spelling for spelling in found if spelling.near]
