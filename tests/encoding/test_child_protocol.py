"""Messages cross the pipe intact, and nothing printed gets between them."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from membrowse.encoding import child_protocol
from membrowse.encoding.encoder import EncodedText


def test_vectors_arrive_unchanged() -> None:
    sent = EncodedText(
        "k",
        np.arange(4, dtype=np.float32),
        np.ones((2, 4), np.float32),
        np.arange(12, dtype=np.int8).reshape(3, 4),
        np.arange(3, dtype=np.float32),
    )
    stream = io.BytesIO()
    child_protocol.write(stream, child_protocol.EncodeReply([child_protocol.pack_vectors(sent)]))
    stream.seek(0)
    reply = child_protocol.read(stream)
    assert isinstance(reply, child_protocol.EncodeReply)
    received = child_protocol.unpack_vectors(reply.vectors[0])
    for name in ("vector", "passages", "tokens", "scales"):
        np.testing.assert_array_equal(getattr(received, name), getattr(sent, name))


def test_a_chunk_without_tokens_keeps_its_shape() -> None:
    empty = EncodedText(
        "k",
        np.ones(4, np.float32),
        np.ones((1, 4), np.float32),
        np.empty((0, 4), np.int8),
        np.empty(0, np.float32),
    )
    assert child_protocol.unpack_vectors(child_protocol.pack_vectors(empty)).tokens.shape[0] == 0


@pytest.mark.parametrize("kept", [0, 3, 8, 12])
def test_a_truncated_message_is_the_end(kept: int) -> None:
    stream = io.BytesIO()
    child_protocol.write(stream, child_protocol.ScoreRequest("query", ["text"]))
    assert child_protocol.read(io.BytesIO(stream.getvalue()[:kept])) is None


NOISY = """
import os, sys
from membrowse.encoding import child_protocol
from membrowse.encoding.child_server import own_pipes

requests, replies = own_pipes()
print("noise by print")
os.write(1, b"noise by write")
os.system("echo noise by a child of the child")
child_protocol.write(replies, child_protocol.Refused(child_protocol.read(requests).query))
print("more noise", flush=True)
"""


def test_printed_output_does_not_reach_the_replies() -> None:
    request = io.BytesIO()
    child_protocol.write(request, child_protocol.ScoreRequest("question", []))
    done = subprocess.run(
        [sys.executable, "-c", NOISY],
        input=request.getvalue(),
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert child_protocol.read(io.BytesIO(done.stdout)) == child_protocol.Refused("question")
    assert done.stderr.count(b"noise") == 4
