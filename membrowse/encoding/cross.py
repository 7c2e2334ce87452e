"""A local CrossEncoder in a process of its own, for those who want it as their reranker."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from membrowse.encoding import framing
from membrowse.encoding.child import Child
from membrowse.encoding.files import ModelRefused
from membrowse.encoding.values import Float32


class CrossEncoderDied(Exception):
    """The child ended; the message holds the tail of its stderr."""


class CrossEncoderChild:
    """Scores texts against a query; the process starts at the first score.

    Safe to share between threads: one scores at a time. A child that died is started again at the
    next score.
    """

    def __init__(self, model_path: Path) -> None:
        self._path = Path(model_path).expanduser()
        self._child: Child | None = None
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process, where one runs."""
        return self._child.pid if self._child is not None else None

    def score(self, query: str, texts: Sequence[str]) -> Float32:
        """How well each text answers the query: float32 [n], higher is better.

        Raises `ModelRefused` where the path holds no CrossEncoder with one score for a pair, and
        `CrossEncoderDied`.
        """
        if not texts:
            return np.empty(0, np.float32)
        with self._lock:
            child = self._started()
            try:
                child.send(framing.ScoreRequest(query, list(texts)))
                reply = child.receive()
            except OSError:
                reply = None
            if isinstance(reply, framing.ScoreReply):
                return np.frombuffer(reply.scores, np.float32)
            raise self._death(child, reply)

    def close(self) -> None:
        """End the process, if there is one; a later score would start another."""
        with self._lock:
            self._end()

    def _started(self) -> Child:
        if self._child is not None and self._child.alive:
            return self._child
        self._end()
        if not (self._path / "config.json").is_file():
            raise ModelRefused(
                f"no CrossEncoder at {str(self._path)!r}: `rerank.model` must be the path of a "
                "directory that holds one"
            )
        self._child = Child("membrowse.encoding.cross_child", str(self._path))
        first = self._child.receive()
        if not isinstance(first, framing.Ready):
            raise self._death(self._child, first)
        return self._child

    def _death(self, child: Child, reply: framing.Message | None) -> Exception:
        if isinstance(reply, framing.Refused):
            self._end()
            return ModelRefused(f"the CrossEncoder at {self._path}: {reply.message}")
        words = child.last_words()
        self._end()
        return CrossEncoderDied(f"the CrossEncoder at {self._path} died: {words}")

    def _end(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None
