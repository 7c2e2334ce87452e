"""Words, bags and cosines for the fake engine: simple, deterministic, good enough to look real."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache

STOP = frozenset("which what does do is the a of on in to how when where use".split())
WORD = re.compile(r"[a-z0-9]+|[\u4e00-\u9fff]")


def words(text: str) -> list[str]:
    """Lower-case words; a Chinese character is one."""
    return WORD.findall(text.lower())


@lru_cache(4096)
def bag(text: str) -> Counter[str]:
    """The words of a text, counted."""
    return Counter(words(text))


@lru_cache(4096)
def vector(text: str) -> Counter[str]:
    """A text's runs of three characters, counted."""
    plain = re.sub(r"\s+", " ", text.lower())
    return Counter(plain[at : at + 3] for at in range(len(plain) - 2))


def cosine(one: Counter[str], other: Counter[str]) -> float:
    """How alike two texts are."""
    dot = sum(count * other[gram] for gram, count in one.items())
    norms = math.sqrt(sum(c * c for c in one.values()) * sum(c * c for c in other.values()))
    return dot / norms if norms else 0.0


def scaled(scores: list[float]) -> list[float]:
    """Scores from 0 to 1."""
    low, high = min(scores, default=0.0), max(scores, default=0.0)
    return [(score - low) / (high - low) if high > low else 0.0 for score in scores]


def ranked(scores: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """(row, score) by score, ties by row."""
    return sorted(scores, key=lambda item: (-item[1], item[0]))


def share(terms: list[str], held: Counter[str]) -> float:
    """Share of the terms that are held."""
    return sum(term in held for term in terms) / len(terms) if terms else 0.0
