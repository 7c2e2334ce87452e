"""The encoder inside the engine: ONNX Runtime, float32, for queries and small edits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from membrowse.encoding import pooling
from membrowse.encoding.encoder_identity import EncoderIdentity
from membrowse.encoding.model_files import ModelFiles
from membrowse.encoding.onnx_session import opened
from membrowse.encoding.vectors import EncodedQuery, EncodedText, EncoderInput, Float32
from membrowse.encoding.word_pieces import Tokenised, WordPieces


class ResidentEncoder:
    """Encodes one text at a time, so that no vector depends on what it was encoded beside.

    Safe to share between threads; concurrent calls run beside each other.
    """

    def __init__(self, files: ModelFiles, export: Path, threads: int = 0) -> None:
        """Load `export` (see `export.exported`); `threads` 0 takes every core, 4 at most.

        Raises `onnxruntime`'s exceptions (all `RuntimeError`s or `ValueError`s by class) where the
        export cannot be loaded.
        """
        self._configuration = files.configuration
        self.identity: EncoderIdentity = files.identity
        self.pieces = WordPieces(files)
        self._session = opened(export, threads)
        self._inputs = {given.name for given in self._session.get_inputs()}

    def encode(self, items: Sequence[EncoderInput]) -> list[EncodedText]:
        """Vectors of `items`, in their order."""
        return [self._encode(item) for item in items]

    def _encode(self, item: EncoderInput) -> EncodedText:
        known = self._configuration
        tokenised = self.pieces.tokenise(item.encoded_text, known.document_prompt)
        embeddings, sentence = self._forward(tokenised)
        return pooling.encoded(item, tokenised, embeddings, sentence, known.pooling)

    def query(self, text: str) -> EncodedQuery:
        """Vectors of a query; what lies beyond the window is left out, and `cut` says so."""
        tokenised = self.pieces.tokenise(text, self._configuration.query_prompt)
        embeddings, sentence = self._forward(tokenised)
        return pooling.encoded_query(text, tokenised, embeddings, sentence)

    def _forward(self, tokenised: Tokenised) -> tuple[Float32, Float32]:
        """Token embeddings [n, d'] and sentence embedding [d]."""
        ids = tokenised.ids[None]
        offered = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        wanted = {name: array for name, array in offered.items() if name in self._inputs}
        embeddings, sentence = self._session.run(["token_embeddings", "sentence_embedding"], wanted)
        return embeddings[0], sentence[0]
