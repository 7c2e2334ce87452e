"""The vectors of one generation's chunks, by row, in blocks that generations share.

What a block contains never changes, so the next generation adds vectors without copying those that
exist, and a reader needs no lock. Passage vectors are int16 with a scale each, which is finer than
the last bits in which two runs of an encoder differ; cosines are of all that is stored.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from membrowse.encoding.encoder import EncodedText

Matrix = NDArray[np.float32]
Mask = NDArray[np.bool_]
Quantised = NDArray[np.int16]

BLOCK_ENTRIES = 1024
_BLOCK_PASSAGES = 8192
_LARGEST = 32767.0
_TILE = 512
"""Rows of a product. Every product has as many, of zeros if need be: a matrix-vector product can
differ in its last bit by the number of rows, and no score may depend on where a chunk lies."""
_THREADS = min(os.cpu_count() or 1, 4)
_executor = ThreadPoolExecutor(max(1, _THREADS - 1), thread_name_prefix="product")


@dataclass(frozen=True, eq=False, slots=True)
class StoredVectors:
    """The vectors of one content key."""

    vector: Matrix
    """[d]: the sentence vector, unit length."""
    passages: Quantised
    """[p, d]: `passages * scales[:, None]` are unit vectors; at least one."""
    scales: Matrix
    """[p]"""

    @property
    def passage_vectors(self) -> Matrix:
        """[p, d] float32: unit vectors."""
        return self.passages * self.scales[:, None]


@dataclass(frozen=True, eq=False, slots=True)
class Entries:
    """Vectors of n content keys in one array each."""

    vectors: Matrix
    """[n, d]"""
    passages: Quantised
    """[p, d]"""
    scales: Matrix
    """[p]"""
    starts: NDArray[np.int64]
    """[n + 1], from 0: the passages of entry e are `passages[starts[e]:starts[e + 1]]`."""

    def after(self, count: int) -> Entries:
        """These without the first `count`."""
        start = self.starts[count]
        return Entries(
            self.vectors[count:],
            self.passages[start:],
            self.scales[start:],
            self.starts[count:] - start,
        )


def entries_of(vectors: Sequence[StoredVectors]) -> Entries:
    """One or more vectors as entries."""
    return Entries(
        np.stack([each.vector for each in vectors]),
        np.concatenate([each.passages for each in vectors]),
        np.concatenate([each.scales for each in vectors]),
        starts_of([len(each.scales) for each in vectors]),
    )


def starts_of(counts: Sequence[int]) -> NDArray[np.int64]:
    """Where each of some runs of `counts` elements starts, and where the last ends."""
    return np.concatenate(([0], np.cumsum(np.array(counts, np.int64))))


def vectors_by_key(encoded: Iterable[EncodedText]) -> dict[str, StoredVectors]:
    """Vectors of `encoded` by content key; passages are quantised."""
    return {
        text.key: StoredVectors(
            np.ascontiguousarray(text.vector, np.float32),
            *quantised(np.asarray(text.passages, np.float32)),
        )
        for text in encoded
    }


def quantised(passages: Matrix) -> tuple[Quantised, Matrix]:
    """Passage vectors [p, d] as int16 [p, d] with a scale each [p].

    The largest component becomes ±32767; a component is off by at most half a scale.
    """
    largest = np.abs(passages).max(axis=1, initial=0.0)
    scales = np.where(largest > 0, largest / _LARGEST, 1.0).astype(np.float32)
    return np.rint(passages / scales[:, None]).astype(np.int16), scales


class VectorBlock:
    """Vectors of up to `BLOCK_ENTRIES` content keys. Memory is taken as it is filled."""

    def __init__(self, dimension: int, passages: int) -> None:
        """`passages` is the least number that it must have room for."""
        capacity = -(-max(passages, _BLOCK_PASSAGES) // _TILE) * _TILE
        self.count = 0
        """Number of entries; those before never change."""
        self.vectors: Matrix = _zeros(BLOCK_ENTRIES, dimension, np.float32)
        self.passages: Quantised = _zeros(capacity, dimension, np.int16)
        self.scales = np.zeros(capacity, np.float32)
        self.starts = np.zeros(BLOCK_ENTRIES + 1, np.int64)
        """The passages of entry e are `passages[starts[e]:starts[e + 1]]`."""
        self._adding = threading.Lock()

    def add(self, entries: Entries) -> range:
        """Add as many of `entries` as there is room for, and return their numbers."""
        with self._adding:
            first, used = self.count, int(self.starts[self.count])
            ends = entries.starts[1 : BLOCK_ENTRIES - first + 1]
            fitting = int(np.searchsorted(ends, len(self.scales) - used, side="right"))
            last, passages = first + fitting, int(entries.starts[fitting])
            self.vectors[first:last] = entries.vectors[:fitting]
            self.passages[used : used + passages] = entries.passages[:passages]
            self.scales[used : used + passages] = entries.scales[:passages]
            self.starts[first + 1 : last + 1] = used + ends[:fitting]
            self.count = last
            return range(first, last)

    def entry(self, number: int) -> StoredVectors:
        """The vectors of an entry."""
        start, end = self.starts[number : number + 2].tolist()
        return StoredVectors(self.vectors[number], self.passages[start:end], self.scales[start:end])

    def cosines(self, query: Matrix) -> Matrix:
        """Products of all sentence vectors with `query` [d], float32 [BLOCK_ENTRIES]."""
        cosines = np.zeros(BLOCK_ENTRIES, np.float32)
        for first in range(0, self.count, _TILE):
            tile = slice(first, first + _TILE)
            np.dot(self.vectors[tile], query, out=cosines[tile])
        return cosines

    def best_passages(self, query: Matrix) -> Matrix:
        """Greatest product of each entry's passages with `query` [d], float32 [BLOCK_ENTRIES]."""
        best = np.zeros(BLOCK_ENTRIES, np.float32)
        count = self.count
        if not count:
            return best
        used = int(self.starts[count])
        products = np.empty(len(self.scales), np.float32)
        passages = np.empty((_TILE, len(query)), np.float32)
        for first in range(0, used, _TILE):
            tile = slice(first, first + _TILE)
            np.copyto(passages, self.passages[tile])
            np.dot(passages, query, out=products[tile])
        products[:used] *= self.scales[:used]
        best[:count] = np.maximum.reduceat(products[:used], self.starts[:count])
        return best


def _zeros(rows: int, columns: int, kind: type[np.generic]) -> NDArray[Any]:
    """Zeros that take memory only where they are written: malloc may recycle pages, which it clears
    and so takes at once."""
    size = rows * columns * np.dtype(kind).itemsize
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(memory, kind).reshape(rows, columns)


@dataclass(frozen=True, eq=False)
class VectorTable:
    """Vectors by row; d dimensions. Rows of equal content share an entry, and so every score."""

    dimension: int
    blocks: tuple[VectorBlock, ...]
    entries: NDArray[np.int64]
    """[rows]: entry e is number `e % BLOCK_ENTRIES` of block `e // BLOCK_ENTRIES`; -1 if the chunk
    is not encoded."""

    @cached_property
    def encoded(self) -> Mask:
        """[rows]: whether the chunk has vectors."""
        return self.entries >= 0

    def stored(self, row: int) -> StoredVectors:
        """The vectors of a row, which must be encoded."""
        block, number = divmod(int(self.entries[row]), BLOCK_ENTRIES)
        return self.blocks[block].entry(number)

    def vectors(self, rows: Sequence[int]) -> Matrix:
        """Sentence vectors of `rows`, float32 [n, d]; zero if not encoded."""
        matrix = np.zeros((len(rows), self.dimension), np.float32)
        for number, row in enumerate(rows):
            if self.entries[row] >= 0:
                matrix[number] = self.stored(row).vector
        return matrix

    def passages(self, row: int) -> Matrix:
        """Passage vectors of a row, float32 [p, d]; none if it is not encoded."""
        if self.entries[row] < 0:
            return np.zeros((0, self.dimension), np.float32)
        return self.stored(row).passage_vectors

    def cosines(self, query: Matrix) -> Matrix:
        """Exact cosine of `query` ([d], unit length) to every row; 0 if it is not encoded."""
        return self._by_row([partial(block.cosines, query) for block in self.blocks])

    def best_passages(self, query: Matrix) -> Matrix:
        """Exact cosine of `query` ([d], unit length) to the nearest passage of every row; or 0."""
        return self._by_row([partial(block.best_passages, query) for block in self.blocks])

    def _by_row(self, products: Sequence[Callable[[], Matrix]]) -> Matrix:
        """The results of `products`, one per block, by row; computed in concurrent parts."""
        share = -(-len(products) // _THREADS)
        first, *rest = [products[n * share : (n + 1) * share] for n in range(_THREADS)]
        futures = [_executor.submit(_results, part) for part in rest if part]
        results = _results(first)
        for future in futures:
            results += future.result()
        by_entry = np.concatenate([*results, np.zeros(1, np.float32)])  # entry -1 has a zero
        by_row: Matrix = by_entry[self.entries]
        return by_row


def _results(products: Iterable[Callable[[], Matrix]]) -> list[Matrix]:
    return [product() for product in products]


def empty_vector_table(rows: int, dimension: int) -> VectorTable:
    """A table in which no row is encoded."""
    return VectorTable(dimension, (), np.full(rows, -1, np.int64))


def rearrange(
    table: VectorTable, source: NDArray[np.int64], added: Mapping[int, StoredVectors]
) -> VectorTable:
    """Return a table whose row r is `added[r]`, else row `source[r]` of `table` (none if -1).

    Costs what is added; blocks that consist mostly of unused entries are written again. Rows that
    are the same object in `added` share an entry. Returns `table` itself if nothing would change.
    """
    if not added and np.array_equal(source, np.arange(len(table.entries))):
        return table
    entries = np.full(len(source), -1, np.int64)
    kept = source >= 0
    entries[kept] = table.entries[source[kept]]
    blocks = table.blocks
    if added:
        distinct = {id(vectors): vectors for vectors in added.values()}
        blocks, numbers = extended(blocks, entries_of(list(distinct.values())))
        number_of = dict(zip(distinct, numbers, strict=True))
        for row, vectors in added.items():
            entries[row] = number_of[id(vectors)]
    return _compact(VectorTable(table.dimension, blocks, entries))


def extended(
    blocks: tuple[VectorBlock, ...], entries: Entries
) -> tuple[tuple[VectorBlock, ...], list[int]]:
    """Add `entries` to the last of `blocks` and to new ones; returns all, and their numbers."""
    numbers: list[int] = []
    while len(entries.vectors):
        added = blocks[-1].add(entries) if blocks else range(0)
        numbers += [(len(blocks) - 1) * BLOCK_ENTRIES + number for number in added]
        entries = entries.after(len(added))
        if len(entries.vectors):
            dimension, passages = entries.vectors.shape[1], int(entries.starts[1])
            blocks = (*blocks, VectorBlock(dimension, passages))
    return blocks, numbers


def _compact(table: VectorTable) -> VectorTable:
    """`table` without unused entries, if these are more than its rows and a few blocks."""
    filled = sum(block.count for block in table.blocks)
    if filled <= 2 * np.count_nonzero(table.encoded) + 4 * BLOCK_ENTRIES:
        return table
    used, number_of = np.unique(table.entries[table.encoded], return_inverse=True)
    blocks: tuple[VectorBlock, ...] = ()
    numbers: list[int] = []
    for first in range(0, len(used), BLOCK_ENTRIES):
        part = [divmod(n, BLOCK_ENTRIES) for n in used[first : first + BLOCK_ENTRIES].tolist()]
        live = [table.blocks[block].entry(number) for block, number in part]
        blocks, added = extended(blocks, entries_of(live))
        numbers += added
    entries = np.full(len(table.entries), -1, np.int64)
    entries[table.encoded] = np.array(numbers, np.int64)[number_of]
    return VectorTable(table.dimension, blocks, entries)
