"""A local CrossEncoder scores in a process of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from membrowse.encoding.cross_encoder import CrossEncoderChild, CrossEncoderDied
from membrowse.encoding.model_files import ModelRefused
from tests.encoding import models

TEXTS = ["ssh port of staging.", "deploy", "the note", "", "端口 🦩"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.save_tiny_cross_encoder(tmp_path_factory.mktemp("cross") / "tiny-cross")


@pytest.fixture(scope="module")
def cross(saved: Path) -> Iterator[CrossEncoderChild]:
    child = CrossEncoderChild(saved)
    yield child
    child.close()


def test_it_scores_as_sentence_transformers_does(cross: CrossEncoderChild, saved: Path) -> None:
    from sentence_transformers import CrossEncoder

    found = cross.score("which port?", TEXTS)
    model = CrossEncoder(str(saved), device="cpu", local_files_only=True)
    expected = model.predict([("which port?", text) for text in TEXTS])
    assert found.dtype == np.float32
    assert found.shape == (5,)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_child_that_died_is_reported_once_and_then_started_again(
    cross: CrossEncoderChild,
) -> None:
    before = cross.score("ssh", TEXTS)
    assert cross.pid is not None
    os.kill(cross.pid, signal.SIGSTOP)
    psutil.Process(cross.pid).kill()
    with pytest.raises(CrossEncoderDied, match="exit status -9"):
        for _ in range(2):
            cross.score("ssh", TEXTS)
    np.testing.assert_allclose(cross.score("ssh", TEXTS), before)


def test_nothing_to_score_starts_nothing(tmp_path: Path) -> None:
    child = CrossEncoderChild(tmp_path / "nowhere")
    assert child.score("ssh", []).shape == (0,)
    assert child.pid is None
    child.close()


def test_a_path_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="no CrossEncoder at .*nowhere"):
        CrossEncoderChild(tmp_path / "nowhere").score("ssh", ["text"])


def test_a_model_with_several_scores_for_a_pair_is_refused(tmp_path: Path) -> None:
    saved = models.save_tiny_cross_encoder(tmp_path / "several", labels=3)
    child = CrossEncoderChild(saved)
    with pytest.raises(ModelRefused, match="it gives 3 scores for a pair"):
        child.score("ssh", ["text"])
    assert child.pid is None
