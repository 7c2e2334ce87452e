"""Exact vector scores, and how much of a query the encoder knows."""

from __future__ import annotations

import pytest

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.generation import Generation
from membrowse.ranking import vector


def test_a_score_is_of_the_chunks_own_vector_and_its_best_passage(
    generation: Generation, encoder: ResidentEncoder
) -> None:
    query = encoder.query("which port does staging ssh use?").vector
    vectors = generation.vectors
    expected = [
        0.4 * float(vectors.stored(row).vector @ query)
        + 0.6 * float((vectors.passages(row) @ query).max())
        for row in range(len(generation.chunks))
    ]
    scores = vector.vector_scores(vectors, query, 0.6)
    assert scores == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("query", "known"),
    [
        ("which port is open", 1.0),
        ("2026-11-03", 1.0),
        ("port 8080", 1.0),
        ("9783161484100", 0.0),
        ("78feaf4d", 0.0),
    ],
)
def test_a_long_number_is_unknown_to_the_encoder(
    encoder: ResidentEncoder, query: str, known: float
) -> None:
    assert vector.known_share(query, encoder.pieces.pieces(query)) == known
