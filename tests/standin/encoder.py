"""A stub encoder: the real word pieces with a random vector each; no model, no training."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cache

import numpy as np

from membrowse.encoding import pooling
from membrowse.encoding.encoder import EncodedQuery, EncodedText, EncoderInput, Float32
from membrowse.encoding.model_config import MEAN
from membrowse.encoding.model_files import ModelFiles, locate
from membrowse.encoding.word_pieces import Tokenised, WordPieces
from membrowse.engine.models import Loaded, Models
from membrowse.settings import EncoderSettings
from membrowse.wire.search import RankingState

DIMENSION = 64
_FREQUENT = 1990
"""The vocabulary is sorted by frequency; what comes before these ids are marks and letters."""


class StubEncoder:
    """Deterministic: texts are near each other if they share rare word pieces."""

    def __init__(self, files: ModelFiles) -> None:
        self.files = files
        self.identity = files.identity
        self.pieces = WordPieces(files)
        ids = np.arange(self.pieces._tokenizer.get_vocab_size(), dtype=np.float32)
        rarity = 0.02 + np.log1p(np.maximum(0.0, ids - _FREQUENT))
        numbers = np.random.RandomState(0)  # the one generator whose numbers never change
        table = numbers.uniform(-1.0, 1.0, (len(ids), DIMENSION))
        self._table: Float32 = (table * rarity[:, None]).astype(np.float32)

    def encode(self, items: Sequence[EncoderInput]) -> list[EncodedText]:
        tokenised = [self.pieces.tokenise(item.encoded_text) for item in items]
        return [
            pooling.pool_text(item, found, *self._forward(found), MEAN)
            for item, found in zip(items, tokenised, strict=True)
        ]

    def query(self, text: str) -> EncodedQuery:
        found = self.pieces.tokenise(text)
        return pooling.pool_query(text, found, *self._forward(found))

    def _forward(self, tokenised: Tokenised) -> tuple[Float32, Float32]:
        embeddings = self._table[tokenised.ids]
        return embeddings, embeddings.mean(axis=0)


@cache
def stub_encoder() -> StubEncoder:
    return StubEncoder(dataclasses.replace(locate(EncoderSettings()), dimension=DIMENSION))


class StubModels(Models):
    """Has the stub encoder from the beginning."""

    def prepare(self) -> None:
        encoder = stub_encoder()
        self.files, self.pieces = encoder.files, encoder.pieces
        self.loaded = Loaded(RankingState.READY, "", encoder)
