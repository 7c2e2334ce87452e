"""Messages between the engine and its children: length-prefixed MessagePack over pipes."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Sequence
from typing import BinaryIO

import msgspec
import numpy as np

from membrowse.encoding.vectors import EncodedText, EncoderInput

_LENGTH = struct.Struct("<Q")


class Ready(msgspec.Struct, frozen=True, tag=True):
    """A child's first message: it has loaded its model."""

    precision: str = ""
    device: str = ""


class Refused(msgspec.Struct, frozen=True, tag=True):
    """A child cannot do what it was asked; the message is for people."""

    message: str


class Text(msgspec.Struct, frozen=True, array_like=True):
    """A `EncoderInput` on the wire."""

    key: str
    header: str
    text: str


class EncodeRequest(msgspec.Struct, frozen=True, tag=True):
    texts: list[Text]


class Vectors(msgspec.Struct, frozen=True, array_like=True):
    """An `EncodedText` on the wire: arrays as bytes, shapes from the counts."""

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
    """What is made of a query's token embeddings, before pooling: float32 [n, d'] and [d]."""

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
    """Send one message; raises `OSError` where the other end is gone."""
    content = _encoder.encode(message)
    stream.write(_LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def read(stream: BinaryIO) -> Message | None:
    """The next message, or None where the other end closed or died in the middle of one."""
    prefix = stream.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(prefix)
    content = stream.read(length)
    return _decoder.decode(content) if len(content) == length else None


def texts_to_wire(items: Sequence[EncoderInput]) -> EncodeRequest:
    return EncodeRequest([Text(item.key, item.header, item.text) for item in items])


def to_wire(encoded: EncodedText) -> Vectors:
    return Vectors(
        encoded.key,
        len(encoded.passages),
        len(encoded.tokens),
        encoded.vector.tobytes(),
        encoded.passages.tobytes(),
        encoded.tokens.tobytes(),
        encoded.scales.tobytes(),
    )


def from_wire(vectors: Vectors) -> EncodedText:
    """The arrays are views of the message, so they cannot be written to."""
    width = len(vectors.tokens) // vectors.tokens_count if vectors.tokens_count else 0
    return EncodedText(
        vectors.key,
        np.frombuffer(vectors.vector, np.float32),
        np.frombuffer(vectors.passages, np.float32).reshape(vectors.passages_count, -1),
        np.frombuffer(vectors.tokens, np.int8).reshape(vectors.tokens_count, width),
        np.frombuffer(vectors.scales, np.float32),
    )


def own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """A child's ends of the pipes; from now on a stray `print` goes to stderr instead."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, replies
