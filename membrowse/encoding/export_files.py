"""Write an exported graph. For child processes only: the engine has no use for `onnx`."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx.external_data_helper import set_external_data

from membrowse.encoding.onnx_export import WEIGHTS

OPSET = 17
_EXTERNAL_BYTES = 1024
"""Tensors of at least this size go into the file of weights."""


def write_export(model: onnx.ModelProto, target: Path) -> None:
    """Write the graph to `target` and its weights beside it, readable by the owner only.

    Like `onnx.save` with external data, but without inspecting the network interfaces.
    """
    for tensor in model.graph.initializer:
        if len(tensor.raw_data) >= _EXTERNAL_BYTES:
            set_external_data(tensor, WEIGHTS)
    onnx.save(model, str(target))
    for path in (target, target.with_name(WEIGHTS)):
        path.chmod(0o600)
