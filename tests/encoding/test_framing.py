"""Messages survive the pipe, and nothing that anything prints gets between them."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from membrowse.encoding import child_protocol
from membrowse.encoding.vectors import EncodedText


def test_vectors_arrive_as_they_were_sent() -> None:
    sent = EncodedText(
        "k",
        np.arange(4, dtype=np.float32),
        np.ones((2, 4), np.float32),
        np.arange(12, dtype=np.int8).reshape(3, 4),
        np.arange(3, dtype=np.float32),
    )
    stream = io.BytesIO()
    child_protocol.write(stream, child_protocol.EncodeReply([child_protocol.to_wire(sent)]))
    stream.seek(0)
    reply = child_protocol.read(stream)
    assert isinstance(reply, child_protocol.EncodeReply)
    got = child_protocol.from_wire(reply.vectors[0])
    for name in ("vector", "passages", "tokens", "scales"):
        np.testing.assert_array_equal(getattr(got, name), getattr(sent, name))


def test_a_chunk_without_tokens_keeps_its_shape() -> None:
    empty = EncodedText(
        "k",
        np.ones(4, np.float32),
        np.ones((1, 4), np.float32),
        np.empty((0, 4), np.int8),
        np.empty(0, np.float32),
    )
    assert child_protocol.from_wire(child_protocol.to_wire(empty)).tokens.shape[0] == 0


@pytest.mark.parametrize("kept", [0, 3, 8, 12])
def test_a_message_that_was_cut_off_is_the_end(kept: int) -> None:
    stream = io.BytesIO()
    child_protocol.write(stream, child_protocol.ScoreRequest("query", ["text"]))
    assert child_protocol.read(io.BytesIO(stream.getvalue()[:kept])) is None


NOISY = """
import os, sys
from membrowse.encoding import child_protocol

requests, replies = child_protocol.own_pipes()
print("noise by print")
os.write(1, b"noise by write")
os.system("echo noise by a child of the child")
child_protocol.write(replies, child_protocol.Refused(child_protocol.read(requests).query))
print("more noise", flush=True)
"""


def test_what_a_child_prints_does_not_reach_its_replies() -> None:
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
