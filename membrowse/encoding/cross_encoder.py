"""A local CrossEncoder in a child process, as an optional reranker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from membrowse.encoding import child_protocol
from membrowse.encoding.child_process import ChildClient, ChildDied, ChildRefused
from membrowse.encoding.encoder import Float32
from membrowse.encoding.model_config import ModelRefused


class CrossEncoder:
    """Scores texts against a query; the first score starts the child process.

    Threads take turns. A child that died is restarted by the next score.
    """

    def __init__(self, model_path: Path) -> None:
        self._path = model_path.expanduser()
        self._child = ChildClient("membrowse.encoding.cross_encoder_child", str(self._path))

    def score(self, query: str, texts: Sequence[str]) -> Float32:
        """Return how well each text answers the query: float32 [n], higher is better.

        Raises `ModelRefused` if the path has no CrossEncoder with one score per pair, and
        `ChildDied`.
        """
        if not texts:
            return np.empty(0, np.float32)
        if not (self._path / "config.json").is_file():
            raise ModelRefused(
                f"no CrossEncoder at {str(self._path)!r}: `rerank.model` must be the path of a "
                "directory with a CrossEncoder"
            )
        try:
            reply = self._child.ask(child_protocol.ScoreRequest(query, list(texts)))
        except ChildRefused as error:
            raise ModelRefused(f"the CrossEncoder at {self._path}: {error}") from error
        except ChildDied as error:
            raise ChildDied(f"the CrossEncoder at {self._path} died: {error}") from error
        return np.frombuffer(cast(child_protocol.ScoreReply, reply).scores, np.float32)

    def close(self) -> None:
        """End the child, if any; a later score would start a new one."""
        self._child.close()
