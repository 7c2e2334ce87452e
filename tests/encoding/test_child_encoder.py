"""A model without an ONNX form is encoded by a child process, with the same vectors."""

from __future__ import annotations

import numpy as np
import psutil

from membrowse.encoding.child_encoder import ChildEncoder
from membrowse.encoding.encoder import Encoder, EncoderInput
from membrowse.encoding.model_files import ModelFiles
from membrowse.encoding.resident_encoder import ResidentEncoder
from tests.encoding.processes import child_pid


def test_it_agrees_with_the_resident_encoder_and_ends(
    files: ModelFiles, resident: ResidentEncoder, chunks: list[EncoderInput]
) -> None:
    child = ChildEncoder(files)
    both: tuple[Encoder, Encoder] = (child, resident)
    one, other = (encoder.query("which port, 🦩?") for encoder in both)
    assert (one.pieces, one.unknown, one.cut) == (other.pieces, other.unknown, other.cut)
    np.testing.assert_allclose(one.vector, other.vector, atol=1e-5)
    np.testing.assert_allclose(one.tokens, other.tokens, atol=1e-5)
    for first, second in zip(*(encoder.encode(chunks[:2]) for encoder in both), strict=True):
        np.testing.assert_allclose(first.vector, second.vector, atol=1e-5)
    pid = child_pid(child)
    child.close()
    assert pid is not None
    assert not psutil.pid_exists(pid)
