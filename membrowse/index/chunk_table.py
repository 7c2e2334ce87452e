"""The chunks of a generation in canonical order, packed by note.

Text takes a third of the memory when it is compressed, and no answer shows more than some dozen
chunks of an index. So what is known of every chunk is its id and content key; the rest is unpacked
when it is read.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import chain
from operator import attrgetter
from typing import overload

import msgspec
import numpy as np
from numpy.typing import NDArray

from membrowse.notes.chunk import Chunk

_UNPACKED_NOTES = 500
"""Notes whose chunks are kept unpacked; those of a small folder all are."""
KEY_BYTES = 16
"""Length of a content key: 128 bits, like a chunk id."""
_FORGOTTEN_IDS = 10_000
"""Ids of removed chunks that may be kept beside as many as there are chunks."""

_decode_chunks = msgspec.msgpack.Decoder(tuple[Chunk, ...]).decode
_encode_chunks = msgspec.msgpack.Encoder().encode


class NoteChunks(msgspec.Struct, frozen=True, eq=False, array_like=True, dict=True):
    """All chunks of one note, at least one."""

    path: str
    tags: tuple[str, ...]
    """Tags and date are the same for all chunks of a note."""
    date: str
    encoder: str
    """Key of the encoder that the content keys name."""
    ids: tuple[str, ...]
    """By position."""
    packed_keys: bytes
    packed: bytes

    @property
    def keys(self) -> Iterator[str]:
        """Content keys by position."""
        return map(self.key, range(len(self.ids)))

    def key(self, position: int) -> str:
        """The content key of a chunk."""
        return self.packed_keys[position * KEY_BYTES : (position + 1) * KEY_BYTES].hex()

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """Position by id."""
        return {chunk: position for position, chunk in enumerate(self.ids)}

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """All chunks by position."""
        return _unpacked(self)


@lru_cache(_UNPACKED_NOTES)
def _unpacked(note: NoteChunks) -> tuple[Chunk, ...]:
    return _decode_chunks(zlib.decompress(note.packed))


def pack(chunks: Sequence[Chunk], keys: Iterable[str], encoder: str) -> NoteChunks:
    """Pack all chunks of a note, at least one; `keys` are their content keys for `encoder`."""
    first = chunks[0]
    return NoteChunks(
        first.path,
        first.tags,
        first.date,
        encoder,
        tuple(chunk.id for chunk in chunks),
        bytes.fromhex("".join(keys)),
        zlib.compress(_encode_chunks(chunks)),
    )


_path = attrgetter("path")


class ChunkTable(Sequence[Chunk]):
    """Chunks by row: by path, then position. Immutable; safe to use from any thread."""

    def __init__(
        self,
        notes: Sequence[NoteChunks],
        counts: NDArray[np.int64] | None = None,
        known: dict[str, str] | None = None,
    ) -> None:
        """`notes` are sorted by path; `counts` are their numbers of chunks.

        `known` is the `path_of` of the table before, to which all ids have been added; tables share
        it, and it only grows.
        """
        if counts is None:
            counts = np.array([len(note.ids) for note in notes], np.int64)
        self.notes = notes
        self.starts = np.concatenate(([0], np.cumsum(counts)))
        """First row of each note, and the number of rows."""
        self._count = int(self.starts[-1])
        if known is None or len(known) > 2 * self._count + _FORGOTTEN_IDS:
            known = {chunk: note.path for note in notes for chunk in note.ids}
        self.path_of = known
        """Chunk id to the path of its note, also for ids of other tables."""

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, row: int) -> Chunk: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Chunk]: ...
    def __getitem__(self, row: int | slice) -> Chunk | Sequence[Chunk]:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(self._count))]
        note, position = self.place(row)
        return note.chunks[position]

    def __iter__(self) -> Iterator[Chunk]:
        return chain.from_iterable(note.chunks for note in self.notes)

    def place(self, row: int) -> tuple[NoteChunks, int]:
        """The note of the chunk at `row`, and the chunk's position in it."""
        if row < 0:
            row += self._count
        if not 0 <= row < self._count:
            raise IndexError(row)
        number = int(self.starts.searchsorted(row, side="right")) - 1
        return self.notes[number], row - int(self.starts[number])

    def id(self, row: int) -> str:
        """The id of the chunk at `row`."""
        note, position = self.place(row)
        return note.ids[position]

    @property
    def ids(self) -> Iterator[str]:
        """All ids by row."""
        return chain.from_iterable(note.ids for note in self.notes)

    def number(self, path: str) -> int:
        """Number of notes before the one at `path`."""
        return bisect_left(self.notes, path, key=_path)

    def note(self, path: str) -> NoteChunks | None:
        """The chunks of the note at `path`; None if it has none."""
        number = self.number(path)
        found = number < len(self.notes) and self.notes[number].path == path
        return self.notes[number] if found else None

    def rows(self, path: str) -> range:
        """The rows of the note at `path`; empty for an unknown path or a note without chunks."""
        note, start = self.note(path), int(self.starts[self.number(path)])
        return range(start, start + (len(note.ids) if note is not None else 0))

    def row(self, chunk: str) -> int:
        """The row of the chunk with this id; -1 if there is none."""
        path = self.path_of.get(chunk)
        note = self.note(path) if path is not None else None
        if note is None or chunk not in note.positions:
            return -1
        return int(self.starts[self.number(note.path)]) + note.positions[chunk]

    def key(self, row: int) -> str:
        """The content key of the chunk at `row`."""
        note, position = self.place(row)
        return note.key(position)

    def rows_with(self, keys: Collection[str]) -> dict[int, str]:
        """The rows of the chunks with any of these content keys, each with its key.

        The first call sorts all keys; later ones cost what they find.
        """
        heads, rows = self._in_key_order
        asked = _heads(b"".join(map(bytes.fromhex, keys)))
        starts, ends = heads.searchsorted(asked), heads.searchsorted(asked, side="right")
        return {
            row: key
            for key, start, end in zip(keys, starts.tolist(), ends.tolist(), strict=True)
            for row in rows[start:end].tolist()
            if self.key(row) == key
        }

    @cached_property
    def _in_key_order(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """The heads of all content keys, sorted, and their rows."""
        heads = _heads(b"".join(note.packed_keys for note in self.notes))
        rows = np.argsort(heads, kind="stable")
        return heads[rows], rows


def _heads(packed_keys: bytes) -> NDArray[np.uint64]:
    """The first eight bytes of each content key, as numbers."""
    return np.frombuffer(packed_keys, np.uint64)[:: KEY_BYTES // 8]


class ContentKeys(Sequence[str]):
    """Content keys by row."""

    def __init__(self, chunks: ChunkTable) -> None:
        self._chunks = chunks

    def __len__(self) -> int:
        return len(self._chunks)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[str]: ...
    def __getitem__(self, row: int | slice) -> str | Sequence[str]:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        return self._chunks.key(row)

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(note.keys for note in self._chunks.notes)


class ChunkRows(Mapping[str, int]):
    """Chunk id to row."""

    def __init__(self, chunks: ChunkTable) -> None:
        self._chunks = chunks

    def __len__(self) -> int:
        return len(self._chunks)

    def __iter__(self) -> Iterator[str]:
        return self._chunks.ids

    def __contains__(self, chunk: object) -> bool:
        return isinstance(chunk, str) and self._chunks.row(chunk) >= 0

    def __getitem__(self, chunk: str) -> int:
        row = self._chunks.row(chunk)
        if row < 0:
            raise KeyError(chunk)
        return row
