"""From torch to ONNX, compared before it is believed. Child processes only, as `torch_model`."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx.external_data_helper import set_external_data
from sentence_transformers import SentenceTransformer

from membrowse.encoding.onnx_export import WEIGHTS
from membrowse.encoding.onnx_session import opened, optimise
from membrowse.encoding.torch_model import input_names

OPSET = 17
_SAMPLES = ("One text.", "Another text, longer than the one before it: is it the same? " * 3)
_CLOSE = 0.9999
_WORTH_A_PLACE_BYTES = 1024
"""A tensor from this size on lies in the file of weights."""


class _Outputs(torch.nn.Module):
    """The whole model with positional inputs, as the tracer wants them."""

    def __init__(self, model: SentenceTransformer, names: Sequence[str]) -> None:
        super().__init__()
        self.model = model
        self.names = names

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.model(dict(zip(self.names, inputs, strict=True)))
        return features["token_embeddings"], features["sentence_embedding"]


def export(model: SentenceTransformer, target: Path) -> None:
    """Write `model` to `target`, its graph optimised, and its weights beside it.

    Raises what torch raises, or `ValueError` where the export does not give the model's vectors.
    """
    names = input_names(model)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        plain = Path(scratch) / "plain.onnx"
        _trace(model, names, plain)
        _save(onnx.load(optimise(plain)), target)
    for path in (target, target.with_name(WEIGHTS)):
        path.chmod(0o600)
    compare(model, names, target)


def _save(model: onnx.ModelProto, target: Path) -> None:
    """As `onnx.save` does with external data, whose way there looks at the network's interfaces."""
    for tensor in model.graph.initializer:
        if len(tensor.raw_data) >= _WORTH_A_PLACE_BYTES:
            set_external_data(tensor, WEIGHTS)
    onnx.save(model, str(target))


@torch.inference_mode()
def _trace(model: SentenceTransformer, names: Sequence[str], target: Path) -> None:
    features = model.preprocess(list(_SAMPLES))
    axes = {name: {0: "batch", 1: "length"} for name in (*names, "token_embeddings")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's, of branches that our inputs never take
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
def compare(model: SentenceTransformer, names: Sequence[str], target: Path) -> None:
    """Raise `ValueError` unless the export gives the model's vectors, alone and at any length."""
    session = opened(target)
    for text in (*_SAMPLES, "word"):
        features = model.preprocess([text])
        inputs = {name: features[name].numpy() for name in names}
        (found,) = session.run(["sentence_embedding"], inputs)
        expected = model(features)["sentence_embedding"].numpy()
        lengths = np.linalg.norm(found) * np.linalg.norm(expected)
        cosine = float((found * expected).sum() / lengths)
        if not cosine >= _CLOSE:
            raise ValueError(f"its ONNX form gives other vectors (cosine {cosine:.4f})")
