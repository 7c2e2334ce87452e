"""The first run shows what it does from the first second, and finds by keyword meanwhile."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from membrowse.encoding.onnx_export import export_path
from membrowse.wire.engine import EngineState
from membrowse.wire.search import KEYWORD, RankingState
from tests.conftest import ExportedEncoder
from tests.engine.conftest import ask, current, serving, until


@pytest.fixture
def export(home: Path, exported_encoder: ExportedEncoder) -> Path:
    """Where the engine will export the encoder to, which no run has done yet."""
    (home / "cache").unlink()
    (home / "cache").mkdir(mode=0o700)
    return export_path(exported_encoder.files, home / "cache")


@contextmanager
def another_exports(export: Path) -> Iterator[None]:
    """Hold the lock that only one process has while it exports."""
    export.parent.parent.mkdir(mode=0o700)
    lock = os.open(f"{export.parent}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(lock)


def preparing(state: EngineState) -> bool:
    return state.progress is not None and state.progress.phase == "preparing"


async def test_preparing_the_encoder_is_shown_with_its_seconds(folder: Path, export: Path) -> None:
    with another_exports(export):
        async with serving(folder) as client:
            first = await until(client, preparing)
            assert first.progress is not None
            assert (first.notes, first.encoded, first.chunks) == (2, 0, 3)
            seconds = first.progress.seconds
            await until(
                client, lambda state: bool(state.progress and state.progress.seconds > seconds)
            )
            found = (await ask(client, "soup")).rankings[KEYWORD]
            assert [hit.path for hit in found.hits] == ["food.md"]
            assert first.encoder.message == "the encoder is being prepared (first run only)"


async def test_a_first_run_ends_with_every_vector(folder: Path, export: Path) -> None:
    async with serving(folder) as client:
        done = await until(client, current)
        assert (done.encoded, done.chunks) == (3, 3)
        assert done.encoder.state is RankingState.READY
        assert done.progress is None
    assert export.is_file()


async def test_an_engine_that_is_stopped_while_it_prepares_can_start_again(
    folder: Path, export: Path
) -> None:
    with another_exports(export):
        async with serving(folder) as client:
            await until(client, preparing)
    async with asyncio.timeout(60), serving(folder) as client:
        assert (await until(client, current)).encoded == 3
