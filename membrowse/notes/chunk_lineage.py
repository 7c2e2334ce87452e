"""Which new chunk takes the place of one that an edit removed."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from membrowse.notes.chunk import Chunk


@dataclass(frozen=True, slots=True)
class _Placed:
    chunk: Chunk
    ordinal: int
    """Among the chunks under the same headings of the same note, from 0."""


def successors(old: Sequence[Chunk], new: Sequence[Chunk]) -> dict[str, str]:
    """For each chunk of `old` whose id is not in `new`, the id of the chunk that follows on it.

    `old` and `new` are all chunks, before and after, of the notes that changed. The successor is a
    chunk that is only in `new`: one with the same text (it moved), else one under the same headings
    of the same note at the nearest ordinal, else the one at the nearest lines of the same note.
    Where there is none, the id is absent.
    """
    kept = {chunk.id for chunk in old} & {chunk.id for chunk in new}
    removed = [placed for placed in _placed(old) if placed.chunk.id not in kept]
    added = [placed for placed in _placed(new) if placed.chunk.id not in kept]
    found: dict[str, str] = {}
    for alike in (_text_in_section, _text_in_note, _text):
        _pair(removed, added, alike, found)
    _approach(removed, added, _section, lambda placed: placed.ordinal, found)
    _approach(removed, added, _note, lambda placed: placed.chunk.start_line, found)
    return found


def _placed(chunks: Iterable[Chunk]) -> list[_Placed]:
    seen: defaultdict[Hashable, int] = defaultdict(int)
    placed: list[_Placed] = []
    for chunk in chunks:
        section = (chunk.path, chunk.headings)
        placed.append(_Placed(chunk, seen[section]))
        seen[section] += 1
    return placed


def _text_in_section(placed: _Placed) -> Hashable:
    return placed.chunk.text, placed.chunk.path, placed.chunk.headings


def _text_in_note(placed: _Placed) -> Hashable:
    return placed.chunk.text, placed.chunk.path


def _text(placed: _Placed) -> Hashable:
    return placed.chunk.text


def _section(placed: _Placed) -> Hashable:
    return placed.chunk.path, placed.chunk.headings


def _note(placed: _Placed) -> Hashable:
    return placed.chunk.path


def _pair(
    removed: Sequence[_Placed],
    added: Sequence[_Placed],
    alike: Callable[[_Placed], Hashable],
    found: dict[str, str],
) -> None:
    """Give each removed chunk without a successor one of the added chunks like it, in order."""
    taken = set(found.values())
    free: defaultdict[Hashable, deque[str]] = defaultdict(deque)
    for placed in added:
        if placed.chunk.id not in taken:
            free[alike(placed)].append(placed.chunk.id)
    for placed in removed:
        if placed.chunk.id not in found and (ids := free.get(alike(placed))):
            found[placed.chunk.id] = ids.popleft()


def _approach(
    removed: Sequence[_Placed],
    added: Sequence[_Placed],
    group: Callable[[_Placed], Hashable],
    place: Callable[[_Placed], int],
    found: dict[str, str],
) -> None:
    """Give each removed chunk without a successor the added chunk of its group that is nearest.

    Of two that are equally near, the one that shares more words.
    """
    groups: defaultdict[Hashable, list[_Placed]] = defaultdict(list)
    for placed in added:
        groups[group(placed)].append(placed)
    for members in groups.values():
        members.sort(key=place)
    for lost in removed:
        members = groups.get(group(lost), [])
        if lost.chunk.id in found or not members:
            continue
        at = bisect_left(members, place(lost), key=place)
        near = members[max(0, at - 1) : at + 1]
        best = min(near, key=lambda m: (abs(place(m) - place(lost)), -_shared_words(lost, m)))
        found[lost.chunk.id] = best.chunk.id


def _shared_words(one: _Placed, other: _Placed) -> int:
    return len(set(one.chunk.text.split()) & set(other.chunk.text.split()))
