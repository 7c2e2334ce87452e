"""What waits to be stored is bounded in bytes and time, however slow the store is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from membrowse.encoding.encoder import EncodedText
from membrowse.engine.indexing import vectoriser
from membrowse.engine.indexing.encoding_run import EncodedBatch
from membrowse.engine.indexing.vectoriser import Vectoriser
from membrowse.settings import Precision

_STORING_SECONDS = 60.0
_DIMENSION = 384


class SlowIndex:
    """Takes a minute of the test's clock to store anything."""

    def __init__(self, clock: SimpleNamespace) -> None:
        self.vectors = SimpleNamespace(precisions=set)
        self.stored: list[int] = []
        self._clock = clock

    def unencoded(self) -> list[str]:
        return ["text"]

    def add_vectors(self, encoded: list[EncodedText], precision: str) -> None:
        self.stored.append(len(encoded))
        self._clock.now += _STORING_SECONDS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(vectoriser, "time", SimpleNamespace(monotonic=lambda: clock.now))
    run = SimpleNamespace(start=lambda: None, accept=lambda batch: None)
    monkeypatch.setattr(vectoriser, "EncodingRun", lambda *_: run)
    return clock


def batch(tokens: int) -> EncodedBatch:
    """One text with so many tokens."""
    vector = np.zeros((1, _DIMENSION), np.float32)
    text = EncodedText(
        "key", vector[0], vector, np.zeros((tokens, _DIMENSION), np.int8), vector[0, :1]
    )
    return EncodedBatch([text], "float32")


@pytest.mark.parametrize(("tokens", "seconds"), [(10, 0.5), (100_000, 0.001)])
def test_what_waits_is_bounded_however_slow_the_store_is(
    clock: SimpleNamespace, tokens: int, seconds: float
) -> None:
    index, one = SlowIndex(clock), batch(tokens)
    loaded = SimpleNamespace(encoder=object(), export=None)
    models: Any = SimpleNamespace(files=object(), loaded=loaded)
    waiting = Vectoriser(index, models, Precision.FLOAT32, lambda event: None)  # type: ignore[arg-type]
    waiting.begin(lambda: None)
    size, accepted, since = one.encoded[0].bytes, 0, clock.now
    for _ in range(60):
        clock.now += seconds
        stored = sum(index.stored)
        if accepted == stored:
            since = clock.now
        waiting.accept(one)
        accepted += 1
        if sum(index.stored) == stored:
            assert (accepted - stored) * size < 256 << 20
            assert clock.now - since < 10.0
    assert len(index.stored) > 3
