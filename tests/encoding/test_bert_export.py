"""The bundled encoder becomes an ONNX graph without torch, with the vectors that torch computes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import safetensors.numpy
from numpy.typing import NDArray

from membrowse.encoding import bert_export
from membrowse.encoding.encoder import EncoderInput
from membrowse.encoding.model_files import ModelFiles
from membrowse.encoding.onnx_session import open_session
from membrowse.encoding.resident_encoder import ResidentEncoder
from tests.conftest import ExportedEncoder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

EXPORTING = """
import sys
from pathlib import Path
from membrowse.encoding import bert_export
from membrowse.encoding.model_files import locate
from membrowse.settings import EncoderSettings
bert_export.export(locate(EncoderSettings()), Path(sys.argv[1]))
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_an_export_imports_no_torch(tmp_path: Path) -> None:
    command = [sys.executable, "-c", EXPORTING, str(tmp_path / "model.onnx")]
    imported = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert "onnx" in imported
    assert not {"torch", "transformers", "sentence_transformers"} & set(imported)
    assert {path.name for path in tmp_path.iterdir()} == {"model.onnx", "model.weights"}


def test_its_vectors_equal_those_of_a_traced_export(
    resident: ResidentEncoder, files: ModelFiles, chunks: list[EncoderInput], tmp_path: Path
) -> None:
    from membrowse.encoding.torch_export import export
    from membrowse.encoding.torch_model import load_model

    export(load_model(files, "cpu"), tmp_path / "model.onnx")
    traced = ResidentEncoder(files, tmp_path / "model.onnx")
    for one, other in zip(resident.encode(chunks), traced.encode(chunks), strict=True):
        np.testing.assert_allclose(one.vector, other.vector, atol=1e-6)
        np.testing.assert_allclose(one.passages, other.passages, atol=1e-6)
        np.testing.assert_allclose(one.scales, other.scales, rtol=1e-4)
        assert np.abs(one.tokens.astype(int) - other.tokens).max() <= 1


def test_padding_changes_no_vector(
    exported_encoder: ExportedEncoder, reference: SentenceTransformer
) -> None:
    texts = ["port", "Staging listens on port 22, behind the bastion of the old network."]
    names = ("input_ids", "attention_mask", "token_type_ids")
    features = reference.preprocess(texts)
    inputs = {name: features[name].numpy() for name in names}
    assert not inputs["attention_mask"].all()
    (vectors,) = open_session(exported_encoder.export).run(["sentence_embedding"], inputs)
    np.testing.assert_allclose(vectors, reference.encode(texts), atol=1e-6)


def test_an_export_with_different_vectors_is_rejected(
    files: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def altered(path: Path) -> dict[str, NDArray[np.float32]]:
        weights = load_file(path)
        weights["encoder.layer.5.output.dense.weight"] *= 1.01
        return weights

    load_file = safetensors.numpy.load_file
    monkeypatch.setattr(safetensors.numpy, "load_file", altered)
    with pytest.raises(ValueError, match="gives different vectors"):
        bert_export.export(files, tmp_path / "model.onnx")
