"""A local CrossEncoder scores in its own process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from membrowse.encoding.child_process import ChildDied
from membrowse.encoding.cross_encoder import CrossEncoder
from membrowse.encoding.model_config import ModelRefused
from tests.encoding import tiny_models
from tests.encoding.processes import child_pid

TEXTS = ["ssh port of staging.", "deploy", "the note", "", "端口 🦩"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save_tiny_cross_encoder(tmp_path_factory.mktemp("cross") / "tiny-cross")


@pytest.fixture(scope="module")
def cross(saved: Path) -> Iterator[CrossEncoder]:
    child = CrossEncoder(saved)
    yield child
    child.close()


def test_it_scores_like_sentence_transformers(cross: CrossEncoder, saved: Path) -> None:
    from sentence_transformers import CrossEncoder

    found = cross.score("which port?", TEXTS)
    model = CrossEncoder(str(saved), device="cpu", local_files_only=True)
    expected = model.predict([("which port?", text) for text in TEXTS])
    assert found.dtype == np.float32
    assert found.shape == (5,)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_dead_child_is_reported_once_and_then_restarted(
    cross: CrossEncoder,
) -> None:
    before = cross.score("ssh", TEXTS)
    pid = child_pid(cross)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    psutil.Process(pid).kill()
    with pytest.raises(ChildDied, match="exit status -9"):
        for _ in range(2):
            cross.score("ssh", TEXTS)
    np.testing.assert_allclose(cross.score("ssh", TEXTS), before)


def test_without_texts_no_child_starts(tmp_path: Path) -> None:
    child = CrossEncoder(tmp_path / "nowhere")
    assert child.score("ssh", []).shape == (0,)
    assert child_pid(child) is None
    child.close()


def test_a_path_without_a_model_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="no CrossEncoder at .*nowhere"):
        CrossEncoder(tmp_path / "nowhere").score("ssh", ["text"])


def test_a_model_with_several_scores_per_pair_is_rejected(tmp_path: Path) -> None:
    saved = tiny_models.save_tiny_cross_encoder(tmp_path / "several", labels=3)
    child = CrossEncoder(saved)
    with pytest.raises(ModelRefused, match="it returns 3 scores per pair"):
        child.score("ssh", ["text"])
    assert child_pid(child) is None
