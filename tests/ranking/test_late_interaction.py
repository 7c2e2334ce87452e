"""MaxSim: its bounds, its weights, and that it is what sentence-transformers computes."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from membrowse.encoding.files import ModelFiles
from membrowse.encoding.resident import ResidentEncoder
from membrowse.encoding.values import EncodedQuery, ToEncode, quantise, unit
from membrowse.index.tokens import TokenVectors
from membrowse.ranking.late_interaction import max_similarity, query_weights, scores
from tests.conftest import ExportedEncoder

QUERIES = ["which port does staging ssh use?", "tea with milk"]
TEXTS = [
    "Staging listens on port 22 for ssh, behind the bastion.",
    "The maintainer prefers short answers and tea with milk.",
    "Deploying\nAsk in the channel before you deploy on a Friday.",
]
MULTI_VECTOR = """
import json, sys
from sentence_transformers import MultiVectorEncoder
from sentence_transformers.base.modules import Normalize, Transformer
from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
directory, queries, texts = json.load(sys.stdin)
model = MultiVectorEncoder(
    modules=[Transformer(directory), MultiVectorMask(), Normalize("token_embeddings")], device="cpu"
)
asked = [vectors[1:-1] for vectors in model.encode_query(queries)]
print(json.dumps(model.similarity(asked, model.encode_document(texts)).tolist()))
"""


def vectors(seed: int, count: int) -> NDArray[np.float32]:
    drawn = np.random.default_rng(seed).standard_normal((count, 8)).astype(np.float32)
    return unit(drawn)


def stored(rows: NDArray[np.float32]) -> TokenVectors:
    return TokenVectors(*quantise(rows))


@pytest.mark.timeout(180)
def test_it_equals_the_multi_vector_encoder(exported_encoder: ExportedEncoder) -> None:
    files: ModelFiles = exported_encoder.files
    encoder: ResidentEncoder = exported_encoder.resident()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MULTI_VECTOR],
        input=json.dumps([str(files.directory), QUERIES, TEXTS]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = np.array(json.loads(done.stdout))
    chunks = encoder.encode([ToEncode(text, "", text) for text in TEXTS])
    for query, wanted in zip(map(encoder.query, QUERIES), expected, strict=True):
        every = np.ones(len(query.pieces), dtype=np.float32)
        found = [max_similarity(query.tokens, every, chunk) * len(every) for chunk in chunks]
        assert found == pytest.approx(wanted.tolist(), rel=5e-3)  # int8


@given(st.integers(0, 999), st.integers(1, 6), st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_a_chunk_is_most_similar_to_itself(seed: int, query: int, extra: int) -> None:
    asked = vectors(seed, query)
    every = np.ones(query, dtype=np.float32)
    same = max_similarity(asked, every, stored(asked))
    other = max_similarity(asked, every, stored(vectors(seed + 1, extra)))
    assert same == pytest.approx(1.0, abs=0.02)
    assert -1.02 <= other <= same + 0.02


@given(st.integers(0, 999), st.integers(0, 7))
@settings(max_examples=50, deadline=None)
def test_a_score_does_not_depend_on_the_neighbours(seed: int, place: int) -> None:
    query = EncodedQuery("a", vectors(seed, 1)[0], vectors(seed, 4))
    weights = np.array([1.0, 0.3, 0.0, 2.0], dtype=np.float32)
    pool: list[TokenVectors | None] = [stored(vectors(seed + n, 5 + n)) for n in range(8)]
    alone, _ = scores(query, weights, [pool[place]])
    together, at_hand = scores(query, weights, [*pool, None])
    assert together[place] == alone[0]
    assert at_hand.tolist() == [True] * 8 + [False]
    assert together[8] == 0.0


def test_more_tokens_never_lower_a_score() -> None:
    asked = vectors(1, 5)
    every = np.ones(5, dtype=np.float32)
    rows = vectors(2, 20)
    tokens, scales = quantise(rows)
    by_length = [
        max_similarity(asked, every, TokenVectors(tokens[:n], scales[:n])) for n in range(1, 21)
    ]
    assert by_length == sorted(by_length)


def test_punctuation_and_unknown_count_nothing_and_stop_words_little(
    encoder: ResidentEncoder,
) -> None:
    query = encoder.query("What's the backup?! 服务器")
    weights = query_weights(query, 0.3)
    found = dict(zip((piece.text for piece in query.pieces), weights.tolist(), strict=True))
    assert found["the"] == found["what"] == pytest.approx(0.3)
    assert found["backup"] == 1.0
    for piece, weight in zip(query.pieces, weights.tolist(), strict=True):
        if not piece.known or piece.text in {"?", "!", "'"}:
            assert weight == 0.0


def test_a_piece_takes_the_idf_of_its_word(encoder: ResidentEncoder) -> None:
    query = encoder.query("the kubernetes backup")
    weights = query_weights(query, 0.5, {"the": 0.2, "kubernet": 3.0, "backup": 2.0}.__getitem__)
    expected = [0.1, *[3.0] * (len(query.pieces) - 2), 2.0]
    assert weights.tolist() == pytest.approx(expected)
