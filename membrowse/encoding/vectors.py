"""What goes into an encoder and what comes out; token vectors as stored (int8 with a scale)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Int8 = NDArray[np.int8]

_LARGEST = 127.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A word piece of a text, as the encoder reads it."""

    text: str
    """As in the vocabulary: `##ing` continues a word, `[UNK]` is what it does not know."""
    start: int
    """Characters of the text, end exclusive."""
    end: int
    known: bool


@dataclass(frozen=True, slots=True)
class EncoderInput:
    """A chunk's text with its context header, and the key that the result is returned under."""

    key: str
    header: str
    text: str

    @property
    def encoded_text(self) -> str:
        """What the encoder reads: header and text on lines of their own."""
        return f"{self.header}\n{self.text}" if self.header else self.text

    @property
    def text_offset(self) -> int:
        """Where `text` starts in `encoded_text`, characters."""
        return len(self.header) + 1 if self.header else 0


@dataclass(frozen=True, slots=True, eq=False)
class EncodedText:
    """The vectors of one text, all of one forward pass over its t tokens."""

    key: str
    vector: Float32
    """[d], unit length: the sentence embedding."""
    passages: Float32
    """[p, d], unit rows, in the order of `knowledge.passages.passages(text)`; at least one."""
    tokens: Int8
    """[t, d]: unit vectors of all tokens, header and specials included; see `quantise`."""
    scales: Float32
    """[t]: `tokens * scales[:, None]` are the token vectors."""


@dataclass(frozen=True, slots=True, eq=False)
class EncodedQuery:
    """The vectors of a query in float32."""

    text: str
    vector: Float32
    """[d], unit length."""
    tokens: Float32
    """[t, d], unit rows, without specials."""
    pieces: tuple[Piece, ...] = field(default=())
    """The t pieces, aligned with `tokens`; offsets are into `text`."""
    unknown: float = 0.0
    """Share of `pieces` that the encoder does not know, 0 to 1."""
    cut: bool = False
    """Whether the query is longer than the window; only its beginning is encoded."""


def normalise_rows(rows: Float32) -> Float32:
    """Rows of length one (L2); a zero row stays zero. Shape as given, float32."""
    lengths = np.sqrt(np.einsum("...d,...d->...", rows, rows))[..., None]
    result: Float32 = (rows / np.maximum(lengths, 1e-12)).astype(np.float32, copy=False)
    return result


def quantise(tokens: Float32) -> tuple[Int8, Float32]:
    """Token vectors [t, d] as int8 [t, d] and a scale for each token, float32 [t].

    The largest component of a token becomes ±127; the error of a component is at most half its
    token's scale.
    """
    largest = np.abs(tokens).max(axis=1, initial=0.0)
    scales = np.where(largest > 0, largest / _LARGEST, 1.0).astype(np.float32)
    return np.rint(tokens / scales[:, None]).astype(np.int8), scales


def dequantise(tokens: Int8, scales: Float32) -> Float32:
    """The inverse of `quantise`: float32 [t, d]."""
    return tokens.astype(np.float32) * scales[:, None]
