"""The encoder of a model that cannot be exported to ONNX: a child process with torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from membrowse.encoding import child_protocol, pooling
from membrowse.encoding.child_process import ChildClient
from membrowse.encoding.encoder import EncodedQuery, EncodedText, EncoderInput
from membrowse.encoding.model_files import ModelFiles
from membrowse.encoding.word_pieces import WordPieces
from membrowse.settings import Precision


class ChildEncoder:
    """Encodes in float32 in a child process, which takes seconds to start and 600 MB of memory.

    Threads take turns. Methods raise `ChildRefused` or `ChildDied`; the next call starts a new
    child.
    """

    def __init__(self, files: ModelFiles) -> None:
        self._prompt = files.config.query_prompt
        self._pieces = WordPieces(files)
        arguments = (files.model, files.revision, Precision.FLOAT32.value)
        self._child = ChildClient("membrowse.encoding.bulk_child", *arguments)

    def encode(self, items: Sequence[EncoderInput]) -> list[EncodedText]:
        """Return the vectors of `items`, in order."""
        reply = self._child.ask(child_protocol.encode_request(items))
        vectors = cast(child_protocol.EncodeReply, reply).vectors
        return [child_protocol.unpack_vectors(packed) for packed in vectors]

    def query(self, text: str) -> EncodedQuery:
        """Return the vectors of a query, or of its end (see `EncodedQuery.cut`)."""
        tokenised = self._pieces.tokenise_query(text, self._prompt)
        reply = cast(child_protocol.QueryReply, self._child.ask(child_protocol.QueryRequest(text)))
        embeddings = np.frombuffer(reply.embeddings, np.float32).reshape(len(tokenised.ids), -1)
        sentence = np.frombuffer(reply.sentence, np.float32)
        return pooling.pool_query(text, tokenised, embeddings, sentence)

    def close(self) -> None:
        """End the child."""
        self._child.close()
