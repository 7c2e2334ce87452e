"""The bulk encoder agrees with the resident one, streams, and never outlives its parent."""

from __future__ import annotations

import dataclasses
import os
import signal

import numpy as np
import psutil
import pytest

from membrowse.encoding import child_process
from membrowse.encoding.bulk_encoder import BulkEncoder
from membrowse.encoding.child_process import ChildDied, ChildRefused
from membrowse.encoding.encoder import EncoderInput
from membrowse.encoding.model_files import ModelFiles
from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.settings import Precision
from tests.conftest import ExportedEncoder
from tests.encoding.processes import bulk_pid

LONG = [
    EncoderInput(f"long {n}", "Log", f"entry {n}: the cache was cold again. " * 24)
    for n in range(8)
]


def test_it_agrees_with_the_resident_encoder(
    bulk: BulkEncoder, resident: ResidentEncoder, chunks: list[EncoderInput]
) -> None:
    for one, other in zip(next(bulk.encode_all([chunks])), resident.encode(chunks), strict=True):
        assert one.key == other.key
        assert one.tokens.dtype == np.int8
        np.testing.assert_allclose(one.vector, other.vector, atol=1e-5)
        np.testing.assert_allclose(one.passages, other.passages, atol=1e-5)
        np.testing.assert_allclose(one.scales, other.scales, rtol=1e-3)
        assert np.abs(one.tokens.astype(int) - other.tokens).max() <= 1


def test_results_arrive_in_the_order_of_batches_and_texts(
    bulk: BulkEncoder, chunks: list[EncoderInput]
) -> None:
    batches = [chunks[:3], chunks[3:4], [], chunks[4:]]
    results = list(bulk.encode_all(batches))
    assert [[one.key for one in result] for result in results] == [
        [chunk.key for chunk in batch] for batch in batches
    ]
    assert bulk.in_flight == 0


def test_two_batches_may_be_in_flight(bulk: BulkEncoder, chunks: list[EncoderInput]) -> None:
    bulk.submit(chunks[:1])
    bulk.submit(chunks[1:2])
    assert bulk.in_flight == 2
    assert [one.key for _ in range(2) for one in bulk.result()] == ["port", "bare"]
    assert bulk.in_flight == 0


def test_a_child_that_hangs_is_killed(
    exported_encoder: ExportedEncoder,
    chunks: list[EncoderInput],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files, export, _ = exported_encoder
    with BulkEncoder(files, Precision.FLOAT32, export) as hanging:
        assert next(hanging.encode_all([chunks[:1]]))
        os.kill(bulk_pid(hanging), signal.SIGSTOP)
        monkeypatch.setattr(child_process, "REPLY_SECONDS", 0.2)
        with pytest.raises(ChildDied):
            list(hanging.encode_all([LONG, LONG]))


def test_a_result_without_a_batch_is_an_error(bulk: BulkEncoder) -> None:
    with pytest.raises(LookupError):
        bulk.result()


def test_it_reports_its_precision_and_has_low_priority(bulk: BulkEncoder) -> None:
    assert bulk.precision == "float32"
    assert psutil.Process(bulk_pid(bulk)).nice() == psutil.Process().nice() + 10


def test_its_process_is_offline(bulk: BulkEncoder) -> None:
    assert bulk.precision
    process = psutil.Process(bulk_pid(bulk))
    assert process.environ()["HF_HUB_OFFLINE"] == "1"
    assert process.environ()["TRANSFORMERS_OFFLINE"] == "1"
    assert process.environ()["TOKENIZERS_PARALLELISM"] == "false"
    assert process.net_connections() == []


def test_closing_does_not_wait_for_current_work(files: ModelFiles) -> None:
    bulk = BulkEncoder(files, Precision.FLOAT32)
    bulk.submit(LONG)
    os.kill(bulk_pid(bulk), signal.SIGSTOP)  # its work does not end
    bulk.close()
    assert not psutil.pid_exists(bulk_pid(bulk))


def test_a_killed_child_is_reported_and_blocks_nothing(files: ModelFiles) -> None:
    with BulkEncoder(files, Precision.FLOAT32) as bulk:
        bulk.submit(LONG)
        os.kill(bulk_pid(bulk), signal.SIGKILL)
        with pytest.raises(ChildDied, match="exit status -9"):
            bulk.result()
        with pytest.raises(ChildDied):
            bulk.result()
        for _ in range(3):
            with pytest.raises(ChildDied):
                bulk.submit(LONG)


def test_a_child_that_cannot_load_its_model_reports_the_reason(files: ModelFiles) -> None:
    changed = dataclasses.replace(files, revision="0" * 64)
    with BulkEncoder(changed, Precision.AUTO) as bulk:
        with pytest.raises(ChildRefused, match="refused: .*changed just now"):
            _ = bulk.precision
