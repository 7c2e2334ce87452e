"""What an encoder does: its interface, its input and its output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from membrowse.notes.chunk import encoder_input

Float32 = NDArray[np.float32]
Int8 = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class EncoderInput:
    """A chunk's text with its context header, and the key of the result."""

    key: str
    header: str
    text: str

    @property
    def encoded_text(self) -> str:
        """The text that the encoder reads: header and text on separate lines."""
        return encoder_input(self.header, self.text)

    @property
    def text_offset(self) -> int:
        """Offset of `text` in `encoded_text`, in characters."""
        return len(self.encoded_text) - len(self.text)


@dataclass(frozen=True, slots=True)
class Piece:
    """A word piece of a text, as the encoder reads it."""

    text: str
    """As in the vocabulary: `##ing` continues a word, `[UNK]` is unknown."""
    start: int
    """In characters of the text; `end` is exclusive."""
    end: int
    known: bool


@dataclass(frozen=True, slots=True, eq=False)
class EncodedText:
    """The vectors of one text, from one forward pass over its t tokens."""

    key: str
    vector: Float32
    """[d], unit length: the sentence embedding."""
    passages: Float32
    """[p, d], unit rows, in the order of `notes.passages.passages(text)`; at least one."""
    tokens: Int8
    """[t, d]: unit vectors of all tokens, including header and specials; see `pooling.quantise`."""
    scales: Float32
    """[t]: `tokens * scales[:, None]` are the token vectors."""

    @property
    def bytes(self) -> int:
        """Memory that its vectors take."""
        arrays = (self.vector, self.passages, self.tokens, self.scales)
        return sum(array.nbytes for array in arrays)


@dataclass(frozen=True, slots=True, eq=False)
class EncodedQuery:
    """The vectors of a query, in float32."""

    text: str
    vector: Float32
    """[d], unit length."""
    tokens: Float32
    """[t, d], unit rows, without specials."""
    pieces: tuple[Piece, ...] = field(default=())
    """The t pieces, aligned with `tokens`; offsets are into `text`."""
    unknown: float = 0.0
    """Fraction of `pieces` that the encoder does not know, 0 to 1."""
    cut: bool = False
    """Whether the query is longer than the window; only its end is encoded."""
    foreign: bool = False
    """Whether the index has vectors that another program made; some chunks may never have one."""
    incomparable: str = ""
    """Why `vector` cannot be compared with those of the index; empty if it can."""


class Encoder(Protocol):
    """Encodes chunks and queries; implemented by `ResidentEncoder` and `ChildEncoder`."""

    def encode(self, items: Sequence[EncoderInput]) -> list[EncodedText]:
        """Return the vectors of `items`, in order."""

    def query(self, text: str) -> EncodedQuery:
        """Return the vectors of a query, in float32."""
