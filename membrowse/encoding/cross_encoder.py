"""A local CrossEncoder in a process of its own, for those who want it as their reranker."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np

from membrowse.encoding import child_protocol
from membrowse.encoding.child_client import ChildClient, ChildDied, ChildRefused
from membrowse.encoding.model_files import ModelRefused
from membrowse.encoding.vectors import Float32


class CrossEncoderDied(Exception):
    """The child ended; the message holds the tail of its stderr."""


class CrossEncoderChild:
    """Scores texts against a query; the process starts at the first score.

    Safe to share between threads: one scores at a time. A child that died is started again at the
    next score.
    """

    def __init__(self, model_path: Path) -> None:
        self._path = Path(model_path).expanduser()
        self._child = ChildClient("membrowse.encoding.cross_encoder_child", str(self._path))

    @property
    def pid(self) -> int | None:
        """The process, where one runs."""
        return self._child.pid

    def score(self, query: str, texts: Sequence[str]) -> Float32:
        """How well each text answers the query: float32 [n], higher is better.

        Raises `ModelRefused` where the path holds no CrossEncoder with one score for a pair, and
        `CrossEncoderDied`.
        """
        if not texts:
            return np.empty(0, np.float32)
        self._refuse_nothing()
        try:
            reply = self._child.ask(child_protocol.ScoreRequest(query, list(texts)))
        except ChildRefused as error:
            raise ModelRefused(f"the CrossEncoder at {self._path}: {error}") from error
        except ChildDied as error:
            raise CrossEncoderDied(f"the CrossEncoder at {self._path} died: {error}") from error
        return np.frombuffer(cast(child_protocol.ScoreReply, reply).scores, np.float32)

    def _refuse_nothing(self) -> None:
        if not (self._path / "config.json").is_file():
            raise ModelRefused(
                f"no CrossEncoder at {str(self._path)!r}: `rerank.model` must be the path of a "
                "directory that holds one"
            )

    def close(self) -> None:
        """End the process, if there is one; a later score would start another."""
        self._child.close()
