"""Messages between the engine and its child processes: length-prefixed MessagePack over pipes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import BinaryIO

import msgspec
import numpy as np

from membrowse.encoding.encoder import EncodedText, EncoderInput

_LENGTH = struct.Struct("<Q")


class Ready(msgspec.Struct, frozen=True, tag=True):
    """A child's first message: its model is loaded."""

    precision: str = ""


class Refused(msgspec.Struct, frozen=True, tag=True):
    """A child cannot do what was requested; the message is shown to the user."""

    message: str


class Text(msgspec.Struct, frozen=True, array_like=True):
    """An `EncoderInput` as sent."""

    key: str
    header: str
    text: str


class EncodeRequest(msgspec.Struct, frozen=True, tag=True):
    texts: list[Text]


class Vectors(msgspec.Struct, frozen=True, array_like=True):
    """An `EncodedText` as sent: arrays as bytes, with counts that determine their shapes."""

    key: str
    passages_count: int
    tokens_count: int
    vector: bytes
    passages: bytes
    tokens: bytes
    scales: bytes


class EncodeReply(msgspec.Struct, frozen=True, tag=True):
    vectors: list[Vectors]


class QueryRequest(msgspec.Struct, frozen=True, tag=True):
    text: str


class QueryReply(msgspec.Struct, frozen=True, tag=True):
    """A query's token embeddings and sentence embedding before pooling: float32 [n, d'] and [d]."""

    embeddings: bytes
    sentence: bytes


class ScoreRequest(msgspec.Struct, frozen=True, tag=True):
    query: str
    texts: list[str]


class ScoreReply(msgspec.Struct, frozen=True, tag=True):
    scores: bytes
    """float32 [n]"""


Message = (
    Ready
    | Refused
    | EncodeRequest
    | EncodeReply
    | QueryRequest
    | QueryReply
    | ScoreRequest
    | ScoreReply
)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Message)


def write(stream: BinaryIO, message: Message) -> None:
    """Send one message; raises `OSError` if the other end is gone."""
    content = _encoder.encode(message)
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def read(stream: BinaryIO) -> Message | None:
    """Return the next message, or None if the other end closed, even within a message."""
    prefix = stream.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(prefix)
    content = stream.read(length)
    return _decoder.decode(content) if len(content) == length else None


def encode_request(items: Sequence[EncoderInput]) -> EncodeRequest:
    """Return the request to encode `items`."""
    return EncodeRequest([Text(item.key, item.header, item.text) for item in items])


def pack_vectors(encoded: EncodedText) -> Vectors:
    """Return the message form of `encoded`."""
    return Vectors(
        encoded.key,
        len(encoded.passages),
        len(encoded.tokens),
        encoded.vector.tobytes(),
        encoded.passages.tobytes(),
        encoded.tokens.tobytes(),
        encoded.scales.tobytes(),
    )


def unpack_vectors(vectors: Vectors) -> EncodedText:
    """Return the vectors of a message; the arrays are read-only views of it."""
    width = len(vectors.tokens) // vectors.tokens_count if vectors.tokens_count else 0
    return EncodedText(
        vectors.key,
        np.frombuffer(vectors.vector, np.float32),
        np.frombuffer(vectors.passages, np.float32).reshape(vectors.passages_count, -1),
        np.frombuffer(vectors.tokens, np.int8).reshape(vectors.tokens_count, width),
        np.frombuffer(vectors.scales, np.float32),
    )
