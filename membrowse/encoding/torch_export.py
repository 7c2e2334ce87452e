"""Export a torch model to ONNX and check the result. For child processes only, like
`torch_model`.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from sentence_transformers import SentenceTransformer

from membrowse.encoding.export_files import OPSET, write_export
from membrowse.encoding.onnx_session import open_session, optimise
from membrowse.encoding.torch_model import input_names

_SAMPLES = ("One text.", "Another text, longer than the one before it: is it the same? " * 3)
_MIN_COSINE = 0.9999


class _Outputs(torch.nn.Module):
    """The whole model with positional inputs, as the tracer requires."""

    def __init__(self, model: SentenceTransformer, names: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.names = names

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.model(dict(zip(self.names, inputs, strict=True)))
        return features["token_embeddings"], features["sentence_embedding"]


def export(model: SentenceTransformer, target: Path) -> None:
    """Write `model` to `target` with an optimised graph and separate weights.

    Raises torch's exceptions, or `ValueError` if the export does not reproduce the model's vectors.
    """
    names = input_names(model)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        plain = Path(scratch) / "plain.onnx"
        _trace(model, names, plain)
        write_export(onnx.load(optimise(plain)), target)
    check_export(model, names, target)


@torch.inference_mode()
def _trace(model: SentenceTransformer, names: Sequence[str], target: Path) -> None:
    features = model.preprocess(list(_SAMPLES))
    axes = {name: {0: "batch", 1: "length"} for name in (*names, "token_embeddings")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about branches that our inputs never take
        torch.onnx.export(
            _Outputs(model, names).eval(),
            tuple(features[name] for name in names),
            str(target),
            input_names=names,
            output_names=["token_embeddings", "sentence_embedding"],
            dynamic_axes={**axes, "sentence_embedding": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )


@torch.inference_mode()
def check_export(model: SentenceTransformer, names: Sequence[str], target: Path) -> None:
    """Raise `ValueError` unless the export reproduces the model's vectors at any length."""
    session = open_session(target)
    for text in (*_SAMPLES, "word"):
        features = model.preprocess([text])
        inputs = {name: features[name].numpy() for name in names}
        (actual,) = session.run(["sentence_embedding"], inputs)
        expected = model(features)["sentence_embedding"].numpy()
        lengths = np.linalg.norm(actual) * np.linalg.norm(expected)
        cosine = float((actual * expected).sum() / lengths)
        if not cosine >= _MIN_COSINE:
            raise ValueError(f"the ONNX export gives different vectors (cosine {cosine:.4f})")
