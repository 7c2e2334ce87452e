"""The local encoder beside vectors that somebody else made."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from membrowse.counts import counted
from membrowse.encoding.encoder import EncodedQuery, EncodedText, Encoder, EncoderInput
from membrowse.encoding.model_files import BUNDLED
from membrowse.index.generation import EmbeddedGeneration
from membrowse.stores.address import StoreAddress

_SAMPLE = 8
"""Records that are encoded again, to see whether the encoder made their vectors."""
_SAMPLE_CHARACTERS = 600
"""A longer text may have been cut in another way."""
_SAME = 0.9
"""Cosine from which a vector was made by the same encoder; another one gives about 0."""
_LONGEST = 20_000
"""Characters of a text that are encoded; the encoder's window is shorter."""
UNKNOWN = "the store has not been read yet"


@dataclass(slots=True)
class VectorMatch:
    """Whether queries can be compared with the store's vectors; read by any thread."""

    incomparable: str = UNKNOWN
    """Why not; empty if they can."""


class StoreEncoder:
    """Encodes queries and token vectors; the store's vectors are its own.

    A query has a vector only if `match` says that it can be compared with the store's.
    """

    def __init__(self, inner: Encoder, match: VectorMatch) -> None:
        self.inner = inner
        self._match = match

    def encode(self, items: Sequence[EncoderInput]) -> list[EncodedText]:
        return self.inner.encode([replace(item, text=item.text[:_LONGEST]) for item in items])

    def query(self, text: str) -> EncodedQuery:
        encoded = self.inner.query(text)
        return replace(encoded, foreign=True, incomparable=self._match.incomparable)


def bundled(model: str) -> bool:
    """Whether a store that names `model` means the bundled encoder, by whatever provider."""
    return model.rpartition("/")[2] == BUNDLED


def incomparability(
    generation: EmbeddedGeneration,
    encoder: Encoder,
    *,
    name: str,
    model: str,
    said: bool,
    address: StoreAddress,
) -> str:
    """Why queries of the encoder called `name` cannot be compared with the store's vectors.

    Empty if they can: some records, encoded again, have the vectors that the store has, or the
    person `said` that this encoder made them. `model` is what the store at `address` says.
    """
    open_again = f"`membrowse open --encoder MODEL {shlex.quote(str(address))}`"
    remedy = f"{open_again} names the local model that made them"
    rows = np.flatnonzero(generation.encoded)
    if not len(rows):
        return "no record of the store has a vector"
    short = [row for row in rows.tolist() if len(generation.chunks[row].text) <= _SAMPLE_CHARACTERS]
    sample = (short or rows.tolist())[:: max(1, len(short or rows) // _SAMPLE)][:_SAMPLE]
    texts = [
        EncoderInput(generation.keys[row], "", generation.chunks[row].text[:_LONGEST])
        for row in sample
    ]
    made = model or "a model that the store does not name"
    own = encoder.encode(texts)
    dimension, ours = generation.vectors.dimension, len(own[0].vector)
    if ours != dimension:
        return (
            f"its vectors ({counted(dimension, 'dimension')}) were made by {made}, not by {name} "
            f"({ours}); {remedy}"
        )
    theirs = generation.vectors.vectors(sample)
    cosines = [float(vector @ encoded.vector) for vector, encoded in zip(theirs, own, strict=True)]
    cosine = float(np.median(cosines))
    if cosine >= _SAME or said:
        return ""
    claim = f"the store names {model}, but its" if model else "its"
    return (
        f"{claim} vectors are not {name}'s: records that are encoded again have a cosine of "
        f"{cosine:.2f} to them; {remedy}"
    )
