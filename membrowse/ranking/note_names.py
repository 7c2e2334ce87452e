"""Recognise a query that is the name of a note, which people and agents type to open it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import PurePosixPath

import numpy as np

from membrowse.notes.note import file_name_in_words
from membrowse.ranking.chunk_ranking import Scores
from membrowse.text import normal_form

_WORDS = re.compile(r"[^\W_]+")


def name_bonuses(query: str, paths: Sequence[str], scores: Scores, bonus: float) -> Scores:
    """Return `bonus` for the best chunk, by `scores`, of each note that `query` names; else 0.

    A note is named by its file name, with or without folders before it and the suffix after it.
    `paths` are those of the chunks' notes. Case, separators and leading zeros do not matter.
    """
    result = np.zeros(len(paths))
    wanted = _words(query)
    best: dict[str, int] = {}
    for index, path in enumerate(paths):
        if wanted and _names(wanted, path):
            known = best.setdefault(path, index)
            if scores[index] > scores[known]:
                best[path] = index
    result[list(best.values())] = bonus
    return result


def _names(wanted: tuple[str, ...], path: str) -> bool:
    folders, name, suffix = _parts(path)
    return bool(name) and any(
        len(wanted) >= len(file) and (folders + file)[-len(wanted) :] == wanted
        for file in (name, name + suffix)
    )


@lru_cache(maxsize=65_536)
def _parts(path: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The words of the folders, of the file name, and of its suffix."""
    file = PurePosixPath(path)
    folders = tuple(word for part in file.parts[:-1] for word in _words(file_name_in_words(part)))
    return folders, _words(file_name_in_words(file.stem)), _words(file.suffix)


@lru_cache(maxsize=65_536)
def _words(text: str) -> tuple[str, ...]:
    return tuple(word.lstrip("0") for word in _WORDS.findall(normal_form(text.casefold())))
