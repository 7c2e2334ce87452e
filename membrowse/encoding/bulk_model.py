"""Encode many texts with torch in sorted batches. For child processes only, like `torch_model`."""

from __future__ import annotations

from collections.abc import Sequence

from membrowse.encoding import pooling
from membrowse.encoding.encoder import EncodedText, EncoderInput, Float32
from membrowse.encoding.model_files import ModelFiles
from membrowse.encoding.torch_model import TorchModel
from membrowse.encoding.word_pieces import Tokenised, WordPieces
from membrowse.settings import Precision

BATCH_TOKENS = {"cpu": 3072, "cuda": 65_536, "mps": 16_384}
"""Tokens of a batch, including padding. On a CPU, 12 texts of 256 tokens stay in its caches and 32
do not: 13 instead of 10 texts per second on one core in float32, and 150 MB less."""


class BulkModel:
    """Encodes lists of chunks; texts of similar length share a batch to save padding."""

    def __init__(self, files: ModelFiles, precision: Precision) -> None:
        self._config = files.config
        self._pieces = WordPieces(files)
        self.model = TorchModel(files, precision)
        self._tokens = BATCH_TOKENS[self.model.device]

    def encode(self, items: Sequence[EncoderInput]) -> list[EncodedText]:
        """Return the vectors of `items`, in order."""
        prompt = self._config.document_prompt
        tokenised = [self._pieces.tokenise(item.encoded_text, prompt) for item in items]
        order = sorted(range(len(items)), key=lambda row: -len(tokenised[row].ids))
        result: dict[int, EncodedText] = {}
        start = 0
        while start < len(order):
            size = max(self._tokens // len(tokenised[order[start]].ids), 1)
            rows = order[start : start + size]
            batch = [tokenised[row] for row in rows]
            result |= zip(rows, self._batch([items[row] for row in rows], batch), strict=True)
            start += size
        return [result[row] for row in range(len(items))]

    def query(self, text: str) -> tuple[Float32, Float32]:
        """Return token embeddings [n, d'] and sentence embedding [d] of a query, in its own
        batch.
        """
        tokenised = self._pieces.tokenise_query(text, self._config.query_prompt)
        embeddings, sentences = self.model.forward([tokenised.ids])
        return embeddings[0], sentences[0]

    def _batch(self, items: list[EncoderInput], tokenised: list[Tokenised]) -> list[EncodedText]:
        embeddings, sentences = self.model.forward([text.ids for text in tokenised])
        return [
            pooling.pool_text(item, text, rows[: len(text.ids)], sentence, self._config.pooling)
            for item, text, rows, sentence in zip(
                items, tokenised, embeddings, sentences, strict=True
            )
        ]
