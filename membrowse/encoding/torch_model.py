"""A sentence-transformers model in torch. For child processes only: the engine must not
import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from membrowse.encoding.encoder import Float32
from membrowse.encoding.model_files import ModelFiles
from membrowse.settings import Precision


def load_model(files: ModelFiles, device: str) -> SentenceTransformer:
    """Load the model in float32; fetches nothing and runs no foreign code."""
    model = SentenceTransformer(
        str(files.directory),
        device=device,
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"torch_dtype": torch.float32},
    )
    return model.eval()


def best_device() -> str:
    """Return the accelerator if there is one, else the CPU."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def has_fast_bfloat16(device: str) -> bool:
    """Whether `device` computes bfloat16 faster than float32."""
    if device == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    if device != "cpu":
        return False
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, check, lambda: False)() for check in checks)


class TorchModel:
    """Runs the transformer in the requested precision, and everything after it in float32."""

    def __init__(self, files: ModelFiles, precision: Precision) -> None:
        """`precision` `auto` means bfloat16 if that is fast, else float32."""
        self.device = best_device()
        bfloat16 = precision is Precision.BFLOAT16 or (
            precision is Precision.AUTO and has_fast_bfloat16(self.device)
        )
        model = load_model(files, self.device)
        self.precision = "bfloat16" if bfloat16 else "float32"
        """Precision of the transformer: `bfloat16` or `float32`."""
        self._names = input_names(model)
        self._padding = int(model.tokenizer.pad_token_id or 0)
        self._transformer, *self._rest = list(model)
        if bfloat16:
            self._transformer.to(torch.bfloat16)

    @torch.inference_mode()
    def forward(self, ids: Sequence[NDArray[np.int64]]) -> tuple[Float32, Float32]:
        """Return token embeddings [b, n, d'] and sentence embeddings [b, d] of b texts of up to n
        ids.
        """
        features = self._features(ids)
        features = self._transformer(features)
        features["token_embeddings"] = features["token_embeddings"].float()
        for module in self._rest:
            features = module(features)
        embeddings: Float32 = features["token_embeddings"].cpu().numpy()
        sentences: Float32 = features["sentence_embedding"].float().cpu().numpy()
        return embeddings, sentences

    def _features(self, ids: Sequence[NDArray[np.int64]]) -> dict[str, Any]:
        longest = max(len(row_ids) for row_ids in ids)
        padded = np.full((len(ids), longest), self._padding, dtype=np.int64)
        mask = np.zeros_like(padded)
        for row, row_ids in enumerate(ids):
            padded[row, : len(row_ids)] = row_ids
            mask[row, : len(row_ids)] = 1
        arrays = {"input_ids": padded, "attention_mask": mask, "token_type_ids": padded * 0}
        return {name: torch.from_numpy(arrays[name]).to(self.device) for name in self._names}


def input_names(model: SentenceTransformer) -> list[str]:
    """Return the inputs of the model's transformer."""
    known = ("input_ids", "attention_mask", "token_type_ids")
    return [name for name in known if name in model.tokenizer.model_input_names]
