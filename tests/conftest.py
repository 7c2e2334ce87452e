"""Shared by all rooms: the real encoder, exported once for all tests and workers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import hypothesis
import pytest

from membrowse.encoding.model_files import ModelFiles, locate
from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.settings import EncoderSettings

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of processes start: compile once
os.environ.pop("MEMBROWSE_INDEX_DIR", None)

# The same examples in every run; `--hypothesis-profile=default` looks for others.
hypothesis.settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
hypothesis.settings.load_profile("repeatable")


FIRST = (
    "test_quality.py",
    "test_lifetime.py",
    "test_contrast.py",
    "test_changes_come_true.py",
    "test_milvus_index.py",
    "test_foreign_stores.py",
)
"""Files that take longest: at the end, the other workers would wait for them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the files that take longest come first."""
    items.sort(key=lambda item: FIRST.index(item.path.name) if item.path.name in FIRST else 99)


class ExportedEncoder(NamedTuple):
    """The bundled encoder, exported."""

    files: ModelFiles
    export: Path
    home: Path
    """As `MEMBROWSE_HOME`, its cache holds the export."""

    def resident(self) -> ResidentEncoder:
        return ResidentEncoder(self.files, self.export)


@pytest.fixture(scope="session")
def exported_encoder(tmp_path_factory: pytest.TempPathFactory) -> ExportedEncoder:
    """The bundled encoder, exported to a directory that all workers share."""
    from membrowse.encoding.onnx_export import ensure_export

    base = tmp_path_factory.getbasetemp()
    home = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "encoder-home"
    files = locate(EncoderSettings())
    return ExportedEncoder(files, ensure_export(files, home / "cache"), home)
