"""For a model that has no ONNX form: a child with torch does what the resident encoder would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import numpy as np

from membrowse.encoding import child_protocol, pooling
from membrowse.encoding.child_client import ChildClient
from membrowse.encoding.encoder_identity import EncoderIdentity
from membrowse.encoding.model_files import ModelFiles
from membrowse.encoding.vectors import EncodedQuery, EncodedText, EncoderInput
from membrowse.encoding.word_pieces import WordPieces
from membrowse.settings import Precision


class Encoder(Protocol):
    """What the engine needs of its encoder: `ResidentEncoder` and `ServedEncoder` are ones."""

    identity: EncoderIdentity
    pieces: WordPieces

    def encode(self, items: Sequence[EncoderInput]) -> list[EncodedText]:
        """Vectors of `items`, in their order."""

    def query(self, text: str) -> EncodedQuery:
        """Vectors of a query, in float32."""


class ChildEncoder:
    """Encodes in float32 in a child process: slow to start (seconds), and 600 MB of memory.

    Safe to share between threads: one is served at a time. Its methods raise `asking.ChildRefused`
    and `asking.ChildDied`; the next call starts another child.
    """

    def __init__(self, files: ModelFiles) -> None:
        self._prompt = files.configuration.query_prompt
        self.identity: EncoderIdentity = files.identity
        self.pieces = WordPieces(files)
        arguments = (files.model, files.revision, Precision.FLOAT32.value)
        self._child = ChildClient("membrowse.encoding.bulk_child", *arguments)

    @property
    def pid(self) -> int | None:
        """The process, where one runs."""
        return self._child.pid

    def encode(self, items: Sequence[EncoderInput]) -> list[EncodedText]:
        """Vectors of `items`, in their order."""
        reply = cast(
            child_protocol.EncodeReply, self._child.ask(child_protocol.texts_to_wire(items))
        )
        return [child_protocol.from_wire(vectors) for vectors in reply.vectors]

    def query(self, text: str) -> EncodedQuery:
        """Vectors of a query; what lies beyond the window is left out, and `cut` says so."""
        tokenised = self.pieces.tokenise(text, self._prompt)
        reply = cast(child_protocol.QueryReply, self._child.ask(child_protocol.QueryRequest(text)))
        embeddings = np.frombuffer(reply.embeddings, np.float32).reshape(len(tokenised.ids), -1)
        sentence = np.frombuffer(reply.sentence, np.float32)
        return pooling.encoded_query(text, tokenised, embeddings, sentence)

    def close(self) -> None:
        """End the child."""
        self._child.close()
