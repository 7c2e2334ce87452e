"""From torch to ONNX, compared before it is believed. Child processes only, as `torch_model`."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from sentence_transformers import SentenceTransformer

from membrowse.encoding.export import WEIGHTS
from membrowse.encoding.onnx_session import opened, optimise
from membrowse.encoding.torch_model import input_names

OPSET = 17
_SAMPLES = ("One text.", "Another text, longer than the one before it: is it the same? " * 3)
_CLOSE = 0.9999


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
        optimised = optimise(plain)
        onnx.save(
            onnx.load(optimised),
            str(target),
            save_as_external_data=True,
            all_tensors_to_one_file=True,
            location=WEIGHTS,
        )
    for path in (target, target.with_name(WEIGHTS)):
        path.chmod(0o600)
    compare(model, names, target)


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
