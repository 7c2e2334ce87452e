"""MaxSim: its bounds, its weights, and equality with sentence-transformers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from membrowse.encoding.encoder import EncodedText, EncoderInput
from membrowse.encoding.pooling import normalise_rows, quantise
from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.token_store import TokenVectors
from membrowse.ranking.late_interaction import (
    HasTokenVectors,
    maxima,
    query_weights,
    weighted_mean,
)
from tests.conftest import ExportedEncoder
from tests.encoding.quantisation import dequantise

QUERIES = ["which port does staging ssh use?", "tea with milk"]
TEXTS = [
    "Staging listens on port 22 for ssh, behind the bastion.",
    "The maintainer prefers short answers and tea with milk.",
    "Deploying\nAsk in the channel before you deploy on a Friday.",
]
ROUNDING = 1e-5
"""Difference per component between the same float32 model in ONNX Runtime and in torch."""
MULTI_VECTOR = """
import json, sys, torch
from membrowse.encoding.pooling import quantise
from sentence_transformers import MultiVectorEncoder
from sentence_transformers.base.modules import Normalize, Transformer
from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
from tests.encoding.quantisation import dequantise
directory, queries, texts = json.load(sys.stdin)
model = MultiVectorEncoder(
    modules=[Transformer(directory), MultiVectorMask(), Normalize("token_embeddings")], device="cpu"
)
asked = [vectors[1:-1] for vectors in model.encode_query(queries)]
answered = model.encode_document(texts)
stored = [torch.from_numpy(dequantise(*quantise(vectors.numpy()))) for vectors in answered]
print(json.dumps({
    "asked": [vectors.tolist() for vectors in asked],
    "answered": [vectors.tolist() for vectors in answered],
    "similarity": model.similarity(asked, answered).tolist(),
    "stored": model.similarity(asked, stored).tolist(),
}))
"""


def vectors(seed: int, count: int) -> NDArray[np.float32]:
    drawn = np.random.default_rng(seed).standard_normal((count, 8)).astype(np.float32)
    return normalise_rows(drawn)


def stored(rows: NDArray[np.float32]) -> TokenVectors:
    return TokenVectors(*quantise(rows))


def max_similarity(
    query: NDArray[np.float32], weights: NDArray[np.float32], chunk: HasTokenVectors
) -> float:
    """MaxSim of query tokens [t, d] (unit rows) and a chunk's, as a weighted mean, -1 … 1."""
    return weighted_mean(maxima(query, chunk), weights)


class Reference(NamedTuple):
    """What sentence-transformers computes for `QUERIES` and `TEXTS`."""

    asked: list[NDArray[np.float32]]
    answered: list[NDArray[np.float32]]
    """Token vectors of each, [t, d]."""
    similarity: list[list[float]]
    """MaxSim of each query with each text."""
    stored: list[list[float]]
    """The same, with the texts' vectors quantised to int8 and back."""


@pytest.fixture(scope="module")
def reference(exported_encoder: ExportedEncoder) -> Reference:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MULTI_VECTOR],
        input=json.dumps([str(exported_encoder.files.directory), QUERIES, TEXTS]),
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for side in ("asked", "answered"):
        found[side] = [np.array(rows, dtype=np.float32) for rows in found[side]]
    return Reference(**found)


def summed(query: NDArray[np.float32], chunk: TokenVectors | EncodedText) -> float:
    """MaxSim as the multi-vector encoder defines it: a sum over all tokens, not a mean."""
    every = np.ones(len(query), dtype=np.float32)
    return max_similarity(query, every, chunk) * len(query)


def test_it_equals_the_multi_vector_encoder(reference: Reference) -> None:
    for query, expected in zip(reference.asked, reference.stored, strict=True):
        found = [summed(query, stored(rows)) for rows in reference.answered]
        assert found == pytest.approx(expected, rel=1e-6)


def test_token_vectors_equal_the_multi_vector_encoders(
    reference: Reference, encoder: ResidentEncoder
) -> None:
    for text, rows in zip(QUERIES, reference.asked, strict=True):
        assert encoder.query(text).tokens == pytest.approx(rows, abs=ROUNDING)
    for text, rows in zip(TEXTS, reference.answered, strict=True):
        (chunk,) = encoder.encode([EncoderInput(text, "", text)])
        error = np.abs(dequantise(chunk.tokens, chunk.scales) - rows)
        assert (error <= chunk.scales[:, None] / 2 + ROUNDING).all()


def test_int8_costs_no_more_than_its_rounding(
    reference: Reference, encoder: ResidentEncoder
) -> None:
    """|max q·d̂ - max q·d| <= max |q·(d̂ - d)| <= max |d̂ - d|, and a component is off by at most
    half its token's scale."""
    chunks = encoder.encode([EncoderInput(text, "", text) for text in TEXTS])
    for text, exact in zip(QUERIES, reference.similarity, strict=True):
        query = encoder.query(text).tokens
        for chunk, expected in zip(chunks, exact, strict=True):
            a_token = np.sqrt(query.shape[1]) * (float(chunk.scales.max()) / 2 + 2 * ROUNDING)
            assert abs(summed(query, chunk) - expected) <= len(query) * a_token


@given(st.integers(0, 999), st.integers(1, 6), st.integers(1, 9))
@settings(max_examples=50)
def test_a_chunk_is_most_similar_to_itself(seed: int, query: int, extra: int) -> None:
    asked = vectors(seed, query)
    every = np.ones(query, dtype=np.float32)
    same = max_similarity(asked, every, stored(asked))
    other = max_similarity(asked, every, stored(vectors(seed + 1, extra)))
    assert same == pytest.approx(1.0, abs=0.02)
    assert -1.02 <= other <= same + 0.02


def test_more_tokens_never_lower_a_score() -> None:
    asked = vectors(1, 5)
    every = np.ones(5, dtype=np.float32)
    rows = vectors(2, 20)
    tokens, scales = quantise(rows)
    by_length = [
        max_similarity(asked, every, TokenVectors(tokens[:n], scales[:n])) for n in range(1, 21)
    ]
    assert by_length == sorted(by_length)


def test_punctuation_and_unknown_pieces_have_no_weight(
    encoder: ResidentEncoder,
) -> None:
    query = encoder.query("What's the backup?! 服务器")
    weights = query_weights(query, 0.3)
    found = dict(zip((piece.text for piece in query.pieces), weights.tolist(), strict=True))
    assert found["the"] == pytest.approx(0.3)
    assert found["what"] == found["s"] == pytest.approx(0.3 / 2**0.5)
    assert found["backup"] == 1.0
    for piece, weight in zip(query.pieces, weights.tolist(), strict=True):
        if not piece.known or piece.text in {"?", "!", "'"}:
            assert weight == 0.0


def test_a_word_weighs_the_root_of_its_idf(encoder: ResidentEncoder) -> None:
    query = encoder.query("the staging backup")
    weights = query_weights(query, 0.5, {"the": 0.25, "stage": 9.0, "backup": 2.0}.__getitem__)
    assert [piece.text for piece in query.pieces] == ["the", "staging", "backup"]
    assert weights.tolist() == pytest.approx([0.25, 3.0, 2.0**0.5])


def test_the_pieces_of_a_word_share_its_weight(
    encoder: ResidentEncoder,
) -> None:
    query = encoder.query("kubernetes backup")
    weights = query_weights(query, 0.5, {"kubernet": 4.0, "backup": 1.0}.__getitem__)
    *of_the_word, backup = weights.tolist()
    split = len(of_the_word)
    assert split > 1
    assert of_the_word == pytest.approx([2.0 / split**0.5] * split)
    assert 2.0 < sum(of_the_word) < 2.0 * split
    assert backup == 1.0
