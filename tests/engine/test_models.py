"""The state of the encoder, which two threads replace."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from membrowse.engine import models
from membrowse.engine.models import Loaded, Models
from membrowse.settings import Settings
from membrowse.wire.search import RankingState


def test_an_export_that_onnx_runtime_refuses_fails_the_encoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = tmp_path / "model.onnx"
    export.write_bytes(b"not a graph")
    monkeypatch.setattr(models, "ensure_export", lambda *_: export)
    announced = threading.Event()
    loading = Models(tmp_path, Settings(), announced.set)
    loading.prepare()
    loading.start()
    assert announced.wait(60)
    assert loading.state is RankingState.FAILED
    assert "cannot be loaded" in loading.message


def test_a_remark_loses_no_encoder_that_was_loaded_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder: Any = SimpleNamespace()
    ready = Loaded(RankingState.READY, "", encoder)
    monkeypatch.setattr(models, "_loaded_encoder", lambda *_: ready)
    monkeypatch.setattr(models, "export_path", lambda *_: tmp_path)
    loading = Models(tmp_path, Settings(), lambda: None)
    loading.files = SimpleNamespace(name="mini")  # type: ignore[assignment]
    loader = threading.Thread(target=loading._load)

    def replace(loaded: Loaded, **changes: Any) -> Loaded:
        if threading.current_thread() is not loader:
            loader.start()
            loader.join(0.2)
        return dataclasses.replace(loaded, **changes)

    monkeypatch.setattr(models, "replace", replace)
    loading.remark("the store has not been read yet")
    loader.join()
    assert loading.loaded == ready
