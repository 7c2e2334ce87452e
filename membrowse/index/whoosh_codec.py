"""Whoosh's file format with postings that numpy reads a block at a time.

Document numbers, weights and positions of a block are packed arrays instead of tuples, in larger
blocks and without the length statistics that only Whoosh's own search uses. Indexes are written
faster, and all postings of a frequent term are read in about a millisecond.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from whoosh.codec.whoosh3 import (
    W3Codec,
    W3LeafMatcher,
    W3PerDocReader,
    W3PostingsWriter,
)
from whoosh.formats import Format, Positions
from whoosh.util.numeric import byte_to_length
from whoosh.util.numlists import delta_encode

from membrowse.index.analyser import Token, analyse
from membrowse.index.day_terms import day_tokens

Documents = NDArray[np.int32]
Frequencies = NDArray[np.float32]
Lengths = NDArray[np.float32]

_BLOCK = 2048
_COMPRESSION = 1
_COMPRESSED_FROM = 16
"""Smaller blocks, in postings, are not worth compressing."""
_LENGTHS = np.array([byte_to_length(byte) for byte in range(256)], dtype=np.float32)
"""Length by Whoosh's quantised byte."""


class PackedPostingsWriter(W3PostingsWriter):  # type: ignore[misc]
    """Writes each column of a block as one byte string."""

    def _write_block(self, last: bool = False) -> None:
        self._compression = _COMPRESSION if len(self) >= _COMPRESSED_FROM else 0
        super()._write_block(last)

    def _mini_ids(self) -> Any:
        if self._byteids:
            return super()._mini_ids()
        return _packed(array("I", delta_encode(self._ids)))

    def _mini_weights(self) -> Any:
        first = self._weights[0]
        if self._weights.count(first) == len(self._weights):
            return first
        if all(weight.is_integer() for weight in self._weights):
            return _packed(array("I", map(int, self._weights)))
        return self._weights.tobytes()

    def _mini_values(self) -> Any:
        if _has_fixed_size(self._format):
            return super()._mini_values()
        values = array("I", b"".join(self._values))
        return _packed(array("I", map(len, self._values))), _packed(values)


def _packed(numbers: array[int]) -> str:
    """Numbers in as few bytes each as the greatest needs, as text: its first character is the type.

    Whoosh pickles blocks so that a byte string takes 45 bytes more than text.
    """
    largest = max(numbers, default=0)
    kind = "B" if largest < 1 << 8 else "H" if largest < 1 << 16 else "I"
    return kind + array(kind, numbers).tobytes().decode("latin-1")


def _unpacked(data: bytes | str) -> NDArray[np.uint32]:
    """The numbers of `_packed`, or of an earlier version, which always stored four bytes each."""
    if isinstance(data, bytes):
        return np.frombuffer(data, np.uint32)
    return np.frombuffer(data[1:].encode("latin-1"), np.dtype(data[0])).astype(np.uint32)


def _has_fixed_size(format_: Format) -> bool:
    size = format_.fixed_value_size()
    return size is not None and size >= 0


class PackedMatcher(W3LeafMatcher):  # type: ignore[misc]
    """Reads what `PackedPostingsWriter` wrote: for Whoosh by posting, for us by block."""

    def blocks(self) -> Iterator[PackedMatcher]:
        """Yield this matcher at each block in turn."""
        while not self._atend:
            self._read_data()
            yield self
            self._next_block()

    def documents(self) -> Documents:
        """Document numbers of the block."""
        return np.cumsum(_unpacked(self._data[0]), dtype=np.int32)

    def frequencies(self) -> Frequencies:
        """Frequency of the term in each document of the block."""
        weights = self._data[1]
        if isinstance(weights, float):
            return np.full(self._blocklength, weights, np.float32)
        if isinstance(weights, str):
            return _unpacked(weights).astype(np.float32)
        return np.frombuffer(weights, np.float32)

    def values(self) -> list[bytes]:
        """Encoded positions of each document of the block."""
        lengths, numbers = self._data[2]
        joined = _unpacked(numbers).tobytes()
        ends = np.cumsum(_unpacked(lengths)).tolist()
        return [joined[first:last] for first, last in zip([0, *ends], ends, strict=False)]

    def _read_ids(self) -> None:
        if self._byteids:
            super()._read_ids()
            return
        if self._data is None:
            self._read_data()
        self._ids = self.documents().tolist()

    def _read_weights(self) -> None:
        if self._data is None:
            self._read_data()
        self._weights = array("f", self.frequencies().tobytes())

    def _read_values(self) -> None:
        if _has_fixed_size(self.format):
            super()._read_values()
            return
        if self._data is None:
            self._read_data()
        self._values = self.values()


class PackedPositions(Positions):  # type: ignore[misc]
    """Positions as one array of numbers, with terms straight from our analyser."""

    def word_values(
        self, value: str, analyzer: Any, **kwargs: Any
    ) -> Iterator[tuple[str, int, float, bytes]]:
        positions_by_term: defaultdict[str, list[int]] = defaultdict(list)
        for token in self._tokens(value):
            positions_by_term[token.term].append(token.position)
        for term, positions in positions_by_term.items():
            yield term, len(positions), float(len(positions)), self.encode(positions)

    def _tokens(self, value: str) -> list[Token]:
        return analyse(value)

    def encode(self, positions: Iterable[int]) -> bytes:
        return array("I", positions).tobytes()

    def decode_positions(self, value: bytes) -> list[int]:
        return array("I", value).tolist()

    def decode_frequency(self, value: bytes) -> int:
        return len(value) // array("I").itemsize


class DayPositions(PackedPositions):
    """Positions of the terms of a day, for the date field."""

    def _tokens(self, value: str) -> list[Token]:
        return day_tokens(value)


class LengthsReader(W3PerDocReader):  # type: ignore[misc]
    """Also returns the lengths of all documents at once."""

    def lengths(self, field: str) -> Lengths:
        """Terms in `field` by document, quantised like `doc_field_length`."""
        lengths = np.zeros(self.doc_count_all(), np.float32)
        name = f"_{field}_len"
        if self.has_column(name):
            file, offset, size = self._get_column_file(name)
            try:
                quantised = np.frombuffer(file.get(offset, size), np.uint8)
            finally:
                file.close()
            lengths[: len(quantised)] = _LENGTHS[quantised]
        return lengths


class PackedCodec(W3Codec):  # type: ignore[misc]
    """Codec of all segments; stored in each segment's own record."""

    length_stats = False

    def __init__(self) -> None:
        super().__init__(blocklimit=_BLOCK, compression=_COMPRESSION)

    def postings_writer(self, dbfile: Any, byteids: bool = False) -> PackedPostingsWriter:
        return PackedPostingsWriter(
            dbfile,
            blocklimit=self._blocklimit,
            byteids=byteids,
            compression=self._compression,
            inlinelimit=self._inlinelimit,
        )

    def postings_reader(
        self, dbfile: Any, terminfo: Any, format_: Format, term: Any = None, scorer: Any = None
    ) -> PackedMatcher:
        offset, length = terminfo.extent()
        return PackedMatcher(dbfile, offset, length, format_, term=term, scorer=scorer)

    def per_document_reader(self, storage: Any, segment: Any) -> LengthsReader:
        return LengthsReader(storage, segment)
