"""The vectors of one generation's chunks, by row, in blocks that generations share.

What a block contains never changes, so the next generation adds vectors without copying those that
exist, and a reader needs no lock. Vectors are int16 with a scale each, so that cosines are off by
about 1e-6, as those of two runs of an encoder are. All cosines are of what is stored.
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
from membrowse.index.batches import batched

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

    numbers: Quantised
    """[1 + p, d]: `numbers * scales[:, None]` are the sentence vector and those of the passages, at
    least one."""
    scales: Matrix
    """[1 + p]"""

    @property
    def vector(self) -> Matrix:
        """[d] float32: the sentence vector, unit length."""
        vector: Matrix = self.numbers[0] * self.scales[0]
        return vector

    @property
    def passages(self) -> int:
        """Number of passages."""
        return len(self.scales) - 1

    @property
    def passage_vectors(self) -> Matrix:
        """[p, d] float32: unit vectors."""
        return self.numbers[1:] * self.scales[1:, None]


@dataclass(frozen=True, eq=False, slots=True)
class Entries:
    """Vectors of n content keys, one after another."""

    numbers: Quantised
    """[n + p, d]"""
    scales: Matrix
    """[n + p]"""
    starts: NDArray[np.int64]
    """[n + 1], from 0: entry e is rows `starts[e]:starts[e + 1]`, as in `StoredVectors`."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    def before(self, count: int) -> Entries:
        """The first `count` of these."""
        end = self.starts[count]
        return Entries(self.numbers[:end], self.scales[:end], self.starts[: count + 1])

    def after(self, count: int) -> Entries:
        """These without the first `count`."""
        start = self.starts[count]
        return Entries(self.numbers[start:], self.scales[start:], self.starts[count:] - start)


def entries_of(vectors: Sequence[StoredVectors]) -> Entries:
    """One or more vectors as entries."""
    return joined(
        np.concatenate([each.numbers for each in vectors]),
        np.concatenate([each.scales for each in vectors]),
        [len(each.scales) for each in vectors],
    )


def joined(numbers: Quantised, scales: Matrix, counts: Sequence[int]) -> Entries:
    """Entries of the vectors of several content keys, one after another: `counts` of each."""
    return Entries(numbers, scales, np.concatenate(([0], np.cumsum(np.array(counts, np.int64)))))


def vectors_by_key(encoded: Iterable[EncodedText]) -> dict[str, StoredVectors]:
    """Vectors of `encoded` by content key."""
    return {text.key: quantised(text.vector, text.passages) for text in encoded}


def quantised(vector: NDArray[Any], passages: NDArray[Any]) -> StoredVectors:
    """A sentence vector [d] and those of passages [p, d] as int16 with a scale each.

    The largest component becomes ±32767; scaled, the numbers are as long as the vector.
    """
    vectors = np.concatenate([vector[None], passages]).astype(np.float32, copy=False)
    largest = np.abs(vectors).max(axis=1, initial=0.0)
    steps = np.where(largest > 0, largest / _LARGEST, 1.0)
    numbers = np.rint(vectors / steps[:, None]).astype(np.int16)
    lengths = np.linalg.norm(numbers.astype(np.float32), axis=1)
    scales = np.linalg.norm(vectors, axis=1) / np.maximum(lengths, 1.0)
    return StoredVectors(numbers, scales.astype(np.float32))


class VectorBlock:
    """Vectors of up to `BLOCK_ENTRIES` content keys. Memory is taken as it is filled."""

    def __init__(self, dimension: int, passages: int) -> None:
        """`passages` is the least number that it must have room for."""
        capacity = -(-max(passages, _BLOCK_PASSAGES) // _TILE) * _TILE
        self.count = 0
        """Number of entries; those before never change."""
        self.vectors: Quantised = _zeros(BLOCK_ENTRIES, dimension, np.int16)
        self.vector_scales = np.zeros(BLOCK_ENTRIES, np.float32)
        self.passages: Quantised = _zeros(capacity, dimension, np.int16)
        self.scales = np.zeros(capacity, np.float32)
        self.starts = np.zeros(BLOCK_ENTRIES + 1, np.int64)
        """The passages of entry e are `passages[starts[e]:starts[e + 1]]`."""
        self._adding = threading.Lock()

    def add(self, entries: Entries) -> range:
        """Add as many of `entries` as there is room for, and return their numbers."""
        with self._adding:
            first, used = self.count, int(self.starts[self.count])
            ends = used + entries.starts[1:] - np.arange(1, len(entries) + 1)
            ends = ends[: BLOCK_ENTRIES - first]
            ends = ends[: np.searchsorted(ends, len(self.scales), side="right")]
            last = first + len(ends)
            fitting = entries.before(len(ends))
            sentences = fitting.starts[:-1]
            passages = np.delete(np.arange(len(fitting.scales)), sentences)
            into = slice(used, used + len(passages))
            _take(fitting.numbers, sentences, self.vectors[first:last])
            _take(fitting.numbers, passages, self.passages[into])
            self.vector_scales[first:last] = fitting.scales[sentences]
            self.scales[into] = fitting.scales[passages]
            self.starts[first + 1 : last + 1] = ends
            self.count = last
            return range(first, last)

    def entry(self, number: int) -> StoredVectors:
        """The vectors of an entry."""
        start, end = self.starts[number : number + 2].tolist()
        return StoredVectors(
            np.concatenate([self.vectors[number][None], self.passages[start:end]]),
            np.concatenate([self.vector_scales[number][None], self.scales[start:end]]),
        )

    def sentence_vectors(self, numbers: NDArray[np.int64]) -> Matrix:
        """Sentence vectors of entries, float32 [n, d]."""
        vectors: Matrix = self.vectors[numbers] * self.vector_scales[numbers, None]
        return vectors

    def cosines(self, query: Matrix) -> Matrix:
        """Products of all sentence vectors with `query` [d], float32 [BLOCK_ENTRIES]."""
        return _products(self.vectors, self.count, query) * self.vector_scales

    def best_passages(self, query: Matrix) -> Matrix:
        """Greatest product of each entry's passages with `query` [d], float32 [BLOCK_ENTRIES]."""
        best = np.zeros(BLOCK_ENTRIES, np.float32)
        count = self.count
        if not count:
            return best
        used = int(self.starts[count])
        products = _products(self.passages, used, query)[:used] * self.scales[:used]
        best[:count] = np.maximum.reduceat(products, self.starts[:count])
        return best


def _products(numbers: Quantised, count: int, query: Matrix) -> Matrix:
    """Products of the first `count` rows with `query` [d], float32 [rows]; the others are 0."""
    products = np.zeros(len(numbers), np.float32)
    rows = np.empty((_TILE, len(query)), np.float32)
    for first in range(0, count, _TILE):
        tile = slice(first, first + _TILE)
        np.copyto(rows, numbers[tile])
        np.dot(rows, query, out=products[tile])
    return products


def _take(numbers: Quantised, rows: NDArray[np.int64], out: Quantised) -> None:
    """Copy `rows` of `numbers` to `out`, once: numpy's default mode goes through a buffer."""
    np.take(numbers, rows, axis=0, out=out, mode="clip")


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
        entries = self.entries[np.asarray(rows, np.int64)]
        of_block, numbers = np.divmod(entries, BLOCK_ENTRIES)
        for block in np.unique(of_block[entries >= 0]).tolist():
            chosen = of_block == block
            matrix[chosen] = self.blocks[block].sentence_vectors(numbers[chosen])
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
    while len(entries):
        added = blocks[-1].add(entries) if blocks else range(0)
        numbers += [(len(blocks) - 1) * BLOCK_ENTRIES + number for number in added]
        entries = entries.after(len(added))
        if len(entries):
            dimension, passages = entries.numbers.shape[1], int(entries.starts[1]) - 1
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
    for part in batched(used.tolist(), BLOCK_ENTRIES):
        places = [divmod(entry, BLOCK_ENTRIES) for entry in part]
        live = [table.blocks[block].entry(number) for block, number in places]
        blocks, added = extended(blocks, entries_of(live))
        numbers += added
    entries = np.full(len(table.entries), -1, np.int64)
    entries[table.encoded] = np.array(numbers, np.int64)[number_of]
    return VectorTable(table.dimension, blocks, entries)
