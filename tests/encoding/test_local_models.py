"""A local sentence-transformers model is encoded with its own pooling, layers and prompts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from membrowse.encoding.encoder import EncoderInput
from membrowse.encoding.model_files import ModelFiles, locate
from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.notes.passages import passages
from membrowse.settings import EncoderSettings, Precision
from tests.encoding import tiny_models

CHUNKS = [
    EncoderInput("a", "note", "ssh port of staging."),
    EncoderInput("b", "", "deploy the note.\n" * 4 + "the ssh port is of staging.\n" * 3),
]


@pytest.fixture(scope="module")
def tiny_export(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported like `ensure_export`, but in this process, to save a start of torch."""
    from membrowse.encoding.torch_export import export
    from membrowse.encoding.torch_model import load_model

    target = tmp_path_factory.mktemp("tiny-cache") / "model.onnx"
    export(load_model(locate(EncoderSettings(model=str(tiny))), "cpu"), target)
    return target


@pytest.fixture
def resident(tiny_files: ModelFiles, tiny_export: Path) -> ResidentEncoder:
    return ResidentEncoder(tiny_files, tiny_export)


def test_vectors_equal_those_of_sentence_transformers(
    resident: ResidentEncoder, tiny: Path
) -> None:
    reference = tiny_models.sentence_transformer(tiny)
    theirs = reference.encode_document([chunk.encoded_text for chunk in CHUNKS])
    ours = [one.vector for one in resident.encode(CHUNKS)]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    query = resident.query("which port is ssh?")
    np.testing.assert_allclose(
        query.vector, reference.encode_query("which port is ssh?"), atol=1e-5
    )


def test_prompts_are_encoded_but_not_part_of_the_pieces(
    resident: ResidentEncoder,
) -> None:
    query = resident.query("ssh port")
    assert [(piece.text, piece.start, piece.end) for piece in query.pieces] == [
        ("ssh", 0, 3),
        ("port", 4, 8),
    ]
    assert query.tokens.shape == (2, 16)


def test_without_mean_pooling_passages_have_the_chunks_vector(
    resident: ResidentEncoder,
) -> None:
    encoded = resident.encode(CHUNKS)[1]
    assert len(encoded.passages) == len(passages(CHUNKS[1].text)) > 1
    assert np.all(encoded.passages == encoded.vector)


@pytest.mark.parametrize(
    ("precision", "tolerance"), [(Precision.FLOAT32, 1e-5), (Precision.BFLOAT16, 3e-2)]
)
def test_the_bulk_model_agrees_in_either_precision(
    resident: ResidentEncoder, tiny_files: ModelFiles, precision: Precision, tolerance: float
) -> None:
    from membrowse.encoding.bulk_model import BulkModel

    bulk = BulkModel(tiny_files, precision)
    assert bulk.model.precision == precision.value
    for one, other in zip(bulk.encode(CHUNKS), resident.encode(CHUNKS), strict=True):
        assert one.vector.dtype == np.float32
        assert one.vector.shape == (8,)
        assert one.tokens.shape == other.tokens.shape
        np.testing.assert_allclose(one.vector, other.vector, atol=tolerance)


def test_an_export_with_different_vectors_is_rejected(
    tiny: Path, tiny_files: ModelFiles, tiny_export: Path
) -> None:
    import torch

    from membrowse.encoding.torch_export import check_export
    from membrowse.encoding.torch_model import input_names, load_model

    model = load_model(tiny_files, "cpu")
    check_export(model, input_names(model), tiny_export)
    with torch.no_grad():
        list(model)[2].linear.weight.mul_(-1)
    with pytest.raises(ValueError, match="gives different vectors"):
        check_export(model, input_names(model), tiny_export)
