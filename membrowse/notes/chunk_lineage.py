"""Match chunks that an edit removed with the new chunks that replace them."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from membrowse.notes.chunk import Chunk


@dataclass(frozen=True, slots=True)
class _OrderedChunk:
    chunk: Chunk
    ordinal: int
    """Index among the chunks under the same headings of the same note, from 0."""


def successors(old: Sequence[Chunk], new: Sequence[Chunk]) -> dict[str, str]:
    """Map the id of each removed chunk to the id of its successor; ids without one are absent.

    `old` and `new` are all chunks, before and after, of the notes that changed. A successor occurs
    only in `new`: a chunk with the same text (it moved), else the one under the same headings of
    the same note with the nearest ordinal, else the one at the nearest lines of the same note.
    """
    kept = {chunk.id for chunk in old} & {chunk.id for chunk in new}
    removed = [item for item in _with_ordinals(old) if item.chunk.id not in kept]
    added = [item for item in _with_ordinals(new) if item.chunk.id not in kept]
    matches: dict[str, str] = {}
    for key in (_text_in_section, _text_in_note, _text):
        _match_equal(removed, added, key, matches)
    _match_nearest(removed, added, _section, lambda item: item.ordinal, matches)
    _match_nearest(removed, added, _note, lambda item: item.chunk.start_line, matches)
    return matches


def _with_ordinals(chunks: Iterable[Chunk]) -> list[_OrderedChunk]:
    seen: defaultdict[Hashable, int] = defaultdict(int)
    items: list[_OrderedChunk] = []
    for chunk in chunks:
        section = (chunk.path, chunk.headings)
        items.append(_OrderedChunk(chunk, seen[section]))
        seen[section] += 1
    return items


def _text_in_section(item: _OrderedChunk) -> Hashable:
    return item.chunk.text, item.chunk.path, item.chunk.headings


def _text_in_note(item: _OrderedChunk) -> Hashable:
    return item.chunk.text, item.chunk.path


def _text(item: _OrderedChunk) -> Hashable:
    return item.chunk.text


def _section(item: _OrderedChunk) -> Hashable:
    return item.chunk.path, item.chunk.headings


def _note(item: _OrderedChunk) -> Hashable:
    return item.chunk.path


def _match_equal(
    removed: Sequence[_OrderedChunk],
    added: Sequence[_OrderedChunk],
    key: Callable[[_OrderedChunk], Hashable],
    matches: dict[str, str],
) -> None:
    """Give each unmatched removed chunk the next unused added chunk with an equal key."""
    taken = set(matches.values())
    free: defaultdict[Hashable, deque[str]] = defaultdict(deque)
    for item in added:
        if item.chunk.id not in taken:
            free[key(item)].append(item.chunk.id)
    for item in removed:
        if item.chunk.id not in matches and (ids := free.get(key(item))):
            matches[item.chunk.id] = ids.popleft()


def _match_nearest(
    removed: Sequence[_OrderedChunk],
    added: Sequence[_OrderedChunk],
    group: Callable[[_OrderedChunk], Hashable],
    position: Callable[[_OrderedChunk], int],
    matches: dict[str, str],
) -> None:
    """Give each unmatched removed chunk the added chunk of its group at the nearest position.

    A tie goes to the chunk that shares more words.
    """
    groups: defaultdict[Hashable, list[_OrderedChunk]] = defaultdict(list)
    for item in added:
        groups[group(item)].append(item)
    for members in groups.values():
        members.sort(key=position)
    for lost in removed:
        members = groups.get(group(lost), [])
        if lost.chunk.id in matches or not members:
            continue
        at = bisect_left(members, position(lost), key=position)
        near = members[max(0, at - 1) : at + 1]
        best = min(
            near,
            key=lambda candidate: (
                abs(position(candidate) - position(lost)),
                -_shared_words(lost, candidate),
            ),
        )
        matches[lost.chunk.id] = best.chunk.id


def _shared_words(one: _OrderedChunk, other: _OrderedChunk) -> int:
    return len(set(one.chunk.text.split()) & set(other.chunk.text.split()))
