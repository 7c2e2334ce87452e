"""Fuzzy matching of names by letters in order, in time linear in the name.

`textual.fuzzy` scores every placement of the letters, and their number explodes for long names.
Here the letters are placed once; the score is Textual's: letters and first letters of words count,
and more so in few groups.
"""

from __future__ import annotations

from collections.abc import Sequence


def lower_case(text: str) -> str:
    """`text` in lower case, with as many characters as `text`."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(one if len(one := char.lower()) == 1 else char for char in text)


def letter_places(word: str, text: str) -> Sequence[int] | None:
    """The places of the letters of `word` in `text` (both in lower case), or None.

    Prefers the last occurrence of the whole word; otherwise finds the letters from the left, then
    pulls them together from the right.
    """
    whole = text.rfind(word)
    if whole >= 0:
        return range(whole, whole + len(word))
    end = -1
    for letter in word:
        end = text.find(letter, end + 1)
        if end < 0:
            return None
    places = []
    for letter in reversed(word):
        end = text.rfind(letter, 0, end + 1)
        places.append(end)
        end -= 1
    return places[::-1]


def _score(text: str, places: Sequence[int]) -> float:
    first, groups = 0, 0
    before = -2
    for place in places:
        first += place == 0 or not text[place - 1].isalnum()
        groups += place != before + 1
        before = place
    together = 1 - (groups - 1) / len(places)
    return (len(places) + first) * (1 + together * together)


def match(words: Sequence[str], text: str) -> tuple[float, frozenset[int]] | None:
    """Score and places of all `words` in `text` (all in lower case); None if one does not match."""
    total = 0.0
    places: set[int] = set()
    for word in words:
        found = letter_places(word, text)
        if found is None:
            return None
        total += _score(text, found) * (1.5 if isinstance(found, range) else 1.0)
        places.update(found)
    return total, frozenset(places)
