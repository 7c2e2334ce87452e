"""The encoder in all its forms, each made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from membrowse.encoding.bulk_encoder import BulkEncoder
from membrowse.encoding.encoder import EncoderInput
from membrowse.encoding.model_files import ModelFiles, locate
from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.settings import EncoderSettings, Precision
from tests.conftest import ExportedEncoder
from tests.encoding import tiny_models

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@pytest.fixture(autouse=True)
def own_cache(exported_encoder: ExportedEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep membrowse's caches in the tests' own directory."""
    monkeypatch.setenv("MEMBROWSE_HOME", str(exported_encoder.home))


@pytest.fixture(scope="session")
def files(exported_encoder: ExportedEncoder) -> ModelFiles:
    return exported_encoder.files


@pytest.fixture(scope="session")
def resident(exported_encoder: ExportedEncoder) -> ResidentEncoder:
    return exported_encoder.resident()


@pytest.fixture(scope="session", params=["ONNX Runtime", "torch"])
def bulk(
    exported_encoder: ExportedEncoder, request: pytest.FixtureRequest
) -> Iterator[BulkEncoder]:
    files, export, _ = exported_encoder
    export_used = export if request.param == "ONNX Runtime" else None
    with BulkEncoder(files, Precision.FLOAT32, export_used) as encoder:
        yield encoder


@pytest.fixture(scope="session")
def reference(files: ModelFiles) -> SentenceTransformer:
    """The same weights loaded by sentence-transformers itself."""
    return tiny_models.sentence_transformer(files.directory)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small local model whose pooling differs from the bundled one's."""
    return tiny_models.save_tiny_encoder(tmp_path_factory.mktemp("tiny") / "tiny-encoder")


@pytest.fixture
def tiny_files(tiny: Path) -> ModelFiles:
    return locate(EncoderSettings(model=str(tiny)))


@pytest.fixture(scope="session")
def chunks() -> list[EncoderInput]:
    """Texts like those of notes: short and long, other scripts, code, and one without a header."""
    return [
        EncoderInput(
            "port", "Ports › SSH, 2026-03-02", "Staging listens on port 22.\nNever on 2222!"
        ),
        EncoderInput("bare", "", "A note without any heading, only this line."),
        EncoderInput(
            "code", "Runbook › Deploy", "```sh\nmake deploy ENV=staging\n```\n\nThen wait."
        ),
        EncoderInput("zh", "备忘", "今天我们把端口改成了二十二。\n明天再看。"),
        EncoderInput("emoji", "Mood", "all green 🟢🟢\tand a tab\r\nand CRLF"),
        EncoderInput(
            "long", "Log › Monday", "The build was slow again because of the cache. " * 20
        ),
        EncoderInput(
            "many", "List", "\n".join(f"- item {n}: rotate key {n * 37}" for n in range(18))
        ),
    ]
