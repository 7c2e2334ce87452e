"""Finding names by letters in their order: linear in the name, however often a letter recurs.

(`textual.fuzzy` weighs every way to place the letters, whose number explodes for long names; here
the letters are placed once, and the placing is weighed as there: letters and first letters of words
count, all the more in few groups.)
"""

from __future__ import annotations

from collections.abc import Sequence


def lowered(text: str) -> str:
    """`text` in lower case, every character at its place."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(one if len(one := char.lower()) == 1 else char for char in text)


def placed(word: str, text: str) -> Sequence[int] | None:
    """Where the letters of `word` stand in `text` (both lowered), or None.

    The last place where the word stands whole is taken; else the letters are found from the left
    and then drawn together from the right.
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
    """How well `text` (lowered) holds every one of `words` (lowered), and where; None if not."""
    total = 0.0
    places: set[int] = set()
    for word in words:
        found = placed(word, text)
        if found is None:
            return None
        total += _score(text, found) * (1.5 if isinstance(found, range) else 1.0)
        places.update(found)
    return total, frozenset(places)
