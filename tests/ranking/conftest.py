"""A small index with the real encoder's vectors, made once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.generation import Generation
from membrowse.index.index import Index
from tests.conftest import ExportedEncoder
from tests.ranking import sample_notes


@pytest.fixture(scope="session")
def encoder(exported_encoder: ExportedEncoder) -> ResidentEncoder:
    return exported_encoder.resident()


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory, encoder: ResidentEncoder) -> Iterator[Index]:
    """Notes about operations, every chunk encoded; tests do not change it."""
    index = sample_notes.indexed(tmp_path_factory.mktemp("ranking") / "index", encoder)
    yield index
    index.close()


@pytest.fixture(scope="session")
def generation(index: Index) -> Generation:
    return index.generation
