"""Many chunks are encoded in the order given, the first at once, whatever happens to the child."""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from membrowse.encoding import hardware
from membrowse.encoding.bulk_encoder import BulkEncoder
from membrowse.encoding.encoder import EncoderInput
from membrowse.engine.indexing import encoding_run
from membrowse.engine.indexing.encoding_run import EncodedBatch, EncodingRun, RunEnded, torch_pays
from membrowse.settings import Precision
from tests.conftest import ExportedEncoder
from tests.encoding.processes import bulk_pid

TEXTS = [EncoderInput(f"{n}", "Log", f"entry {n}: " + "cold " * (n % 7)) for n in range(150)]
FIRST = [text.key for text in TEXTS[:16]]

Batches = list[EncodedBatch]


def run(
    exported_encoder: ExportedEncoder,
    texts: Sequence[EncoderInput],
    delivered: Callable[[], None] = lambda: None,
) -> Batches:
    """The batches of a run over `texts`; `delivered` is called before each is accepted."""
    files, export, _ = exported_encoder
    arrived: queue.SimpleQueue[EncodedBatch | RunEnded] = queue.SimpleQueue()
    encoder = exported_encoder.resident()
    job = EncodingRun(texts, files, encoder, export, Precision.FLOAT32, arrived.put)
    job.start()

    def batches() -> Iterator[EncodedBatch]:
        while isinstance(arrival := arrived.get(timeout=60), EncodedBatch):
            delivered()
            job.accept(arrival)
            yield arrival
        assert arrival == RunEnded()

    return list(batches())


def keys(batch: EncodedBatch) -> list[str]:
    return [encoded.key for encoded in batch.encoded]


def test_the_first_chunks_have_vectors_at_once_and_the_rest_follow(
    exported_encoder: ExportedEncoder,
) -> None:
    first, *rest = run(exported_encoder, TEXTS)
    assert keys(first) == FIRST
    assert [len(batch.encoded) for batch in rest] == [64, 64, 6]
    assert sorted(FIRST + [key for batch in rest for key in keys(batch)]) == sorted(
        text.key for text in TEXTS
    )
    assert {batch.precision for batch in (first, *rest)} == {"float32"}


def test_the_order_of_chunks_changes_only_within_a_window(
    exported_encoder: ExportedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding_run, "_WINDOW", 8)
    encoded = [key for batch in run(exported_encoder, TEXTS[:80]) for key in keys(batch)]
    assert encoded[:16] == FIRST
    for start in range(16, 80, 8):
        window = TEXTS[start : start + 8]
        longest_first = sorted(window, key=lambda text: -len(text.text))
        assert encoded[start : start + 8] == [text.key for text in longest_first]


def test_chunks_of_a_killed_child_are_encoded_all_the_same(
    exported_encoder: ExportedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[BulkEncoder] = []
    killed: list[int] = []

    def start(*arguments: Any) -> BulkEncoder:
        started.append(BulkEncoder(*arguments))
        return started[-1]

    def kill_once() -> None:
        if not killed:
            killed.append(bulk_pid(started[0]))
            os.kill(killed[0], signal.SIGKILL)

    monkeypatch.setattr(encoding_run, "BulkEncoder", start)
    batches = run(exported_encoder, TEXTS, kill_once)
    encoded = [key for batch in batches for key in keys(batch)]
    assert killed
    assert sorted(encoded) == sorted(text.key for text in TEXTS)


@pytest.mark.parametrize(
    ("characters", "precision", "hardware_has", "expected"),
    [
        (10, Precision.BFLOAT16, "", True),
        (500_000, Precision.AUTO, "", False),
        (500_000, Precision.AUTO, "bfloat16", True),
        (500_000, Precision.FLOAT32, "bfloat16", False),
        (500_000, Precision.FLOAT32, "gpu", True),
        (200_000, Precision.AUTO, "gpu bfloat16", False),
    ],
)
def test_torch_is_started_only_where_it_pays(
    monkeypatch: pytest.MonkeyPatch,
    characters: int,
    precision: Precision,
    hardware_has: str,
    expected: bool,
) -> None:
    monkeypatch.setattr(hardware, "has_accelerator", lambda: "gpu" in hardware_has)
    monkeypatch.setattr(hardware, "has_fast_bfloat16", lambda: "bfloat16" in hardware_has)
    assert torch_pays(characters, precision) is expected
