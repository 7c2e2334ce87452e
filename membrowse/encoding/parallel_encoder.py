"""Encode many texts with ONNX Runtime. For child processes, which have a low priority."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from membrowse.encoding.encoder import EncodedText, EncoderInput
from membrowse.encoding.model_files import ModelFiles
from membrowse.encoding.resident_encoder import ResidentEncoder


class ParallelEncoder:
    """Encodes one text per core at a time, in float32.

    As fast as torch in float32 (110 instead of 100 short chunks per second on two cores, without
    padding), but ready in half a second instead of seven, and in a third of the memory. Its
    vectors are those of the resident encoder.
    """

    def __init__(self, files: ModelFiles, export: Path) -> None:
        self._encoder = ResidentEncoder(files, export, threads=1)
        self._threads = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="encoder")

    def encode(self, items: Sequence[EncoderInput]) -> list[EncodedText]:
        """Return the vectors of `items`, in order."""
        return list(self._threads.map(self._encode, items))

    def _encode(self, item: EncoderInput) -> EncodedText:
        (encoded,) = self._encoder.encode([item])
        return encoded
