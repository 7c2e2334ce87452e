"""A sentence-transformers model given by its path is encoded as it is: pooling, layers, prompts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from membrowse.encoding.bulk import BulkEncoder
from membrowse.encoding.export import exported
from membrowse.encoding.files import ModelFiles
from membrowse.encoding.resident import ResidentEncoder
from membrowse.encoding.values import ToEncode
from membrowse.settings import Precision
from tests.encoding import models

CHUNKS = [
    ToEncode("a", "note", "ssh port of staging."),
    ToEncode("b", "", "deploy\nthe note is of staging"),
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tiny-cache")


def test_its_vectors_are_those_of_sentence_transformers(
    tiny: Path, tiny_files: ModelFiles, cache: Path
) -> None:
    resident = ResidentEncoder(tiny_files, exported(tiny_files, cache))
    reference = models.sentence_transformer(tiny)
    theirs = reference.encode_document([chunk.encoded_text for chunk in CHUNKS])
    ours = [one.vector for one in resident.encode(CHUNKS)]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    query = resident.query("which port is ssh?")
    np.testing.assert_allclose(
        query.vector, reference.encode_query("which port is ssh?"), atol=1e-5
    )


def test_prompts_are_encoded_but_are_no_pieces_of_the_text(
    tiny_files: ModelFiles, cache: Path
) -> None:
    resident = ResidentEncoder(tiny_files, exported(tiny_files, cache))
    query = resident.query("ssh port")
    assert [(piece.text, piece.start, piece.end) for piece in query.pieces] == [
        ("ssh", 0, 3),
        ("port", 4, 8),
    ]
    assert query.tokens.shape == (2, 16)
    (encoded,) = resident.encode(CHUNKS[:1])
    assert encoded.tokens.shape == (resident.pieces.count(CHUNKS[0].encoded_text), 16)


def test_passages_of_a_model_that_is_not_pooled_by_its_mean_have_the_chunks_vector(
    tiny_files: ModelFiles, cache: Path
) -> None:
    resident = ResidentEncoder(tiny_files, exported(tiny_files, cache))
    encoded = resident.encode(CHUNKS)[1]
    np.testing.assert_array_equal(encoded.passages, [encoded.vector, encoded.vector])


def test_the_bulk_encoder_agrees(tiny_files: ModelFiles, cache: Path) -> None:
    resident = ResidentEncoder(tiny_files, exported(tiny_files, cache))
    with BulkEncoder(tiny_files, Precision.AUTO) as bulk:
        for one, other in zip(bulk.encode(CHUNKS), resident.encode(CHUNKS), strict=True):
            np.testing.assert_allclose(one.vector, other.vector, atol=2e-2)
            assert one.tokens.shape == other.tokens.shape
