"""Exact vector scores, including those of large matrices multiplied in parts."""

from __future__ import annotations

import numpy as np
import pytest

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.generation import Generation
from membrowse.ranking import vector
from membrowse.ranking.chunk_ranking import Scores


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector, "_LARGE_BYTES", 0)
    monkeypatch.setattr(vector, "_PARTS", 3)


def expected(generation: Generation, query: Scores) -> Scores:
    """Each chunk's best passage, one by one, in float64."""
    starts = generation.passage_starts
    passages = generation.passage_matrix.astype(np.float64)
    return np.array(
        [(passages[a:b] @ query).max() for a, b in zip(starts[:-1], starts[1:], strict=True)]
    )


@pytest.mark.usefixtures("in_parts")
def test_a_product_in_parts_equals_the_product(
    generation: Generation, encoder: ResidentEncoder
) -> None:
    query = encoder.query("which port does staging ssh use?").vector
    found = vector.vector_scores(generation, query, 1.0)
    assert found == pytest.approx(expected(generation, query.astype(np.float64)), abs=1e-6)
    assert found.tolist() == vector.vector_scores(generation, query, 1.0).tolist()


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
