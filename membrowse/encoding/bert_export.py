"""The bundled encoder as an ONNX graph, straight from its weights: it takes no torch.

The graph is made of ONNX Runtime's own BERT operators, so it needs no further optimisation. Only
for the bundled encoder, whose files are known byte for byte: its vectors are compared with those
of sentence-transformers by the tests, and with `_REFERENCE` after every export. Any other model is
traced by `torch_export`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors import numpy as safetensors

from membrowse.encoding.export_files import OPSET, write_export
from membrowse.encoding.model_files import ModelFiles
from membrowse.encoding.resident_encoder import ResidentEncoder

_IR_VERSION = 8
"""Version of the ONNX file format that came with opset 17."""
_MICROSOFT = "com.microsoft"
_FUSED = ("EmbedLayerNormalization", "Attention", "SkipLayerNormalization", "BiasGelu")
"""ONNX Runtime's own operators, which are in the domain above."""
_REFERENCE_TEXT = "Staging listens on port 22, behind the bastion."
_REFERENCE = (0.0603, 0.0324, -0.0873, -0.0470, -0.0126, -0.0207, -0.0794, -0.0747)
"""The first components of its sentence embedding, by sentence-transformers."""
_TOLERANCE = 1e-4


class _Bert(msgspec.Struct, frozen=True):
    """The parts of `config.json` that shape the graph."""

    num_hidden_layers: int
    num_attention_heads: int
    layer_norm_eps: float


def export(files: ModelFiles, target: Path) -> None:
    """Write the bundled encoder to `target`.

    Raises `ValueError` if the export does not reproduce the encoder's vectors.
    """
    config = msgspec.json.decode((files.directory / "config.json").read_bytes(), type=_Bert)
    weights = safetensors.load_file(files.directory / "model.safetensors")
    write_export(_Graph(config, weights).model(), target)
    vector = ResidentEncoder(files, target).query(_REFERENCE_TEXT).vector
    if not np.allclose(vector[: len(_REFERENCE)], _REFERENCE, atol=_TOLERANCE):
        raise ValueError(f"the ONNX export gives different vectors ({vector[: len(_REFERENCE)]})")


class _Graph:
    """Builds the graph of a mean-pooled, normalised BERT; every node's output has its name."""

    def __init__(self, config: _Bert, weights: Mapping[str, NDArray[np.float32]]) -> None:
        self._config = config
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []

    def model(self) -> onnx.ModelProto:
        """Return the graph with its weights."""
        hidden = self._embeddings()
        for number in range(self._config.num_hidden_layers):
            hidden = self._layer(f"encoder.layer.{number}", hidden)
        self._node("Identity", [hidden], "token_embeddings")
        self._mean()
        names = ("input_ids", "attention_mask", "token_type_ids")
        inputs = [_value(name, TensorProto.INT64, ("batch", "length")) for name in names]
        outputs = [
            _value("token_embeddings", TensorProto.FLOAT, ("batch", "length", None)),
            _value("sentence_embedding", TensorProto.FLOAT, ("batch", None)),
        ]
        graph = helper.make_graph(self._nodes, "bert", inputs, outputs, self._initializers)
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(_MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)

    def _embeddings(self) -> str:
        """Add the sum of word, position and type embeddings, and what all layers share."""
        ids = [self._int32(name) for name in ("input_ids", "token_type_ids")]
        self._int32("attention_mask")
        kinds = ("word_embeddings", "position_embeddings", "token_type_embeddings")
        tables = [self._weight(f"embeddings.{kind}.weight") for kind in kinds]
        norm = self._norm("embeddings.LayerNorm")
        inputs, outputs = [*ids, *tables, *norm], ("embeddings", "unused lengths")
        return self._node("EmbedLayerNormalization", inputs, *outputs, **self._eps)

    def _layer(self, name: str, hidden: str) -> str:
        heads = self._config.num_attention_heads
        attention = self._node(
            "Attention",
            [hidden, *self._query_key_value(f"{name}.attention.self"), "attention_mask.int32"],
            f"{name}.attention",
            num_heads=heads,
        )
        attended = self._add_and_norm(f"{name}.attention.output", attention, hidden)
        wide = self._product(f"{name}.intermediate.dense", attended)
        bias = self._weight(f"{name}.intermediate.dense.bias")
        active = self._node("BiasGelu", [wide, bias], f"{name}.intermediate")
        return self._add_and_norm(f"{name}.output", active, attended)

    def _add_and_norm(self, name: str, inner: str, skipped: str) -> str:
        """Add a dense layer over `inner`, the residual `skipped`, and layer normalisation."""
        dense = self._product(f"{name}.dense", inner)
        norm, bias = self._norm(f"{name}.LayerNorm"), self._weight(f"{name}.dense.bias")
        return self._node(
            "SkipLayerNormalization", [dense, skipped, *norm, bias], name, **self._eps
        )

    def _mean(self) -> None:
        """Add the sentence embedding: the normalised mean of the tokens that are no padding."""
        last, tokens = self._constant("axis -1", [-1]), self._constant("axis 1", [1])
        mask = self._node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
        column = self._node("Unsqueeze", [mask, last], "mask column")
        masked = self._node("Mul", ["token_embeddings", column], "masked tokens")
        total = self._node("ReduceSum", [masked, tokens], "sum of tokens", keepdims=0)
        count = self._node("ReduceSum", [column, tokens], "count of tokens", keepdims=0)
        mean = self._node("Div", [total, count], "mean of tokens")
        self._node("LpNormalization", [mean], "sentence_embedding", axis=-1, p=2)

    @property
    def _eps(self) -> dict[str, float]:
        return {"epsilon": self._config.layer_norm_eps}

    def _node(self, kind: str, inputs: list[str], *outputs: str, **attributes: object) -> str:
        """Add a node and return the name of its first output."""
        domain = _MICROSOFT if kind in _FUSED else ""
        self._nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **attributes))
        return outputs[0]

    def _int32(self, name: str) -> str:
        return self._node("Cast", [name], f"{name}.int32", to=TensorProto.INT32)

    def _product(self, name: str, inner: str) -> str:
        weight = self._tensor(f"{name}.weight", self._weights[f"{name}.weight"].T)
        return self._node("MatMul", [inner, weight], f"{name}.product")

    def _norm(self, name: str) -> list[str]:
        return [self._weight(f"{name}.weight"), self._weight(f"{name}.bias")]

    def _query_key_value(self, name: str) -> list[str]:
        """Return one weight [d, 3d] and one bias [3d] for the three projections."""
        parts = [f"{name}.{part}" for part in ("query", "key", "value")]
        weight = np.concatenate([self._weights[f"{part}.weight"].T for part in parts], axis=1)
        bias = np.concatenate([self._weights[f"{part}.bias"] for part in parts])
        return [self._tensor(f"{name}.weight", weight), self._tensor(f"{name}.bias", bias)]

    def _weight(self, name: str) -> str:
        return self._tensor(name, self._weights[name])

    def _constant(self, name: str, values: list[int]) -> str:
        return self._tensor(name, np.array(values, np.int64))

    def _tensor(self, name: str, array: NDArray[np.float32] | NDArray[np.int64]) -> str:
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name


def _value(name: str, kind: int, shape: tuple[str | None, ...]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)
