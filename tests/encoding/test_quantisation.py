"""Quantised token vectors, unit rows and encoder inputs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from membrowse.encoding.encoder import EncoderInput, Float32
from membrowse.encoding.pooling import normalise_rows, quantise
from tests.encoding.quantisation import dequantise

ROWS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(0, 6), st.integers(1, 8)),
    elements=st.floats(-4, 4, width=32, allow_subnormal=False),
)


@given(ROWS)
def test_a_stored_component_is_off_by_half_a_step_at_most(rows: Float32) -> None:
    tokens, scales = quantise(rows)
    assert tokens.dtype == np.int8
    assert scales.dtype == np.float32
    error = np.abs(dequantise(tokens, scales) - rows)
    assert np.all(error <= scales[:, None] * 0.5001)


def test_the_largest_component_takes_the_whole_range() -> None:
    tokens, scales = quantise(np.array([[0.5, -1.0], [0.0, 0.0]], np.float32))
    assert tokens[0].tolist() == [64, -127]
    assert tokens[1].tolist() == [0, 0]
    assert scales[0] == np.float32(1 / 127)


@given(ROWS)
def test_rows_have_length_one_and_zero_rows_stay_zero(rows: Float32) -> None:
    lengths = np.linalg.norm(normalise_rows(rows), axis=1)
    long_enough = np.linalg.norm(rows, axis=1) > 1e-6
    np.testing.assert_allclose(lengths[long_enough], 1, atol=1e-5)
    assert not lengths[~rows.any(axis=1)].any()


def test_header_and_text_are_separate_lines() -> None:
    chunk = EncoderInput("k", "Title › Part", "The text.")
    assert chunk.encoded_text == "Title › Part\nThe text."
    assert chunk.encoded_text[chunk.text_offset :] == "The text."
    bare = EncoderInput("k", "", "The text.")
    assert (bare.encoded_text, bare.text_offset) == ("The text.", 0)
