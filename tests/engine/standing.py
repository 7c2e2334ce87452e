"""An engine that stands for a whole module of tests, each with clients of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from membrowse.client import discovery
from membrowse.client.engine import EngineClient
from membrowse.wire.engine import EngineState
from tests.conftest import ExportedEncoder
from tests.engine.conftest import current, loaded, save, until


@contextmanager
def at_home(base: Path, encoder: ExportedEncoder, **variables: str) -> Iterator[Path]:
    """A new home below `base`, whose path is given; no setting but `variables` is in force.

    They are the process's environment meanwhile, so that a test which stops the engine gets the
    same one again by connecting.
    """
    home = base / "home"
    home.mkdir(mode=0o700)
    (home / "cache").symlink_to(encoder.home / "cache")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MEMBROWSE_")]:
            patch.delenv(name)
        patch.setenv("MEMBROWSE_HOME", str(home))
        patch.setenv("MEMBROWSE_ENGINE_SETTLE_MS", "50")
        for name, value in variables.items():
            patch.setenv(name, value)
        yield home


@contextmanager
def standing(
    base: Path, encoder: ExportedEncoder, notes: Mapping[str, str], **variables: str
) -> Iterator[Path]:
    """A folder with `notes`, indexed by an engine that ends afterwards, `at_home`."""
    folder = base / "notes"
    write(folder, notes)
    with at_home(base, encoder, **variables):
        try:
            asyncio.run(_indexed(folder))
            yield folder
        finally:
            asyncio.run(discovery.stop(folder))


def write(folder: Path, notes: Mapping[str, str]) -> None:
    for path, text in notes.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        save(folder / path, text)


async def _indexed(folder: Path) -> None:
    async with client_of(folder, when=current):
        pass


@asynccontextmanager
async def client_of(
    folder: Path, when: Callable[[EngineState], bool] = loaded
) -> AsyncIterator[EngineClient]:
    """A client of the engine, which is started if none runs and goes on afterwards.

    `when` holds at first.
    """
    client = await discovery.connect(folder)
    try:
        await until(client, when)
        yield client
    finally:
        await client.close()
