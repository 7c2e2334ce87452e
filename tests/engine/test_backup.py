"""Backup while serving, and restore: the restored index equals the old one."""

from __future__ import annotations

import asyncio
import gzip
import io
import itertools
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import psutil
import pytest

from membrowse import interpreter, paths
from membrowse.client.engine import Engine, EngineUnavailable
from membrowse.engine.backup.archive import unpack
from membrowse.wire.backup import BackupContent, BackupRequest, Restored
from membrowse.wire.engine import EngineState, HelloRequest
from membrowse.wire.pins import AddPinRequest, PinsRequest
from membrowse.wire.search import RankingState, SearchResponse, Target
from tests.engine.conftest import ask, current, serving, until

QUERIES = ("ssh", "which port does staging use", "soup on rainy days")
WORDS = ("ssh", "port", "staging", "bastion", "soup", "rain", "maintainer", "web", "443", "behind")
FIFTY = tuple(" ".join(pair) for pair in itertools.combinations(WORDS, 2))[:45] + WORDS[:5]


async def backed_up(engine: Engine, *, with_vectors: bool = False) -> bytes:
    return b"".join(
        [part.data async for part in engine.stream(BackupRequest(with_vectors=with_vectors))]
    )


async def begun_backup(
    engine: Engine, process: psutil.Process, folder: Path
) -> asyncio.Task[bytes]:
    """A backup that the engine has begun to write; its `process` is stopped meanwhile."""
    while True:
        backup = asyncio.create_task(backed_up(engine, with_vectors=True))
        while not (leftovers(folder) or backup.done()):
            await asyncio.sleep(0)
        process.suspend()
        while process.status() != psutil.STATUS_STOPPED:
            await asyncio.sleep(0)
        if leftovers(folder):
            return backup
        process.resume()
        await backup


def leftovers(folder: Path) -> list[Path]:
    """What a backup or a restore copies files to, which it removes at its end."""
    return list(paths.index_dir(folder).glob(".backup-*"))


def ready(state: EngineState) -> bool:
    return current(state) and state.encoder.state is RankingState.READY


def restore(backup: bytes, folder: Path, *options: str) -> tuple[Restored | None, str]:
    child = subprocess.run(
        [sys.executable, "-P", "-m", "membrowse.engine.backup.restore", *options],
        env=os.environ | {interpreter.FOLDER: str(folder)},
        input=backup,
        capture_output=True,
        check=False,
    )
    if child.returncode:
        return None, child.stderr.decode()
    return msgspec.json.decode(child.stdout, type=Restored), ""


def ranks(response: SearchResponse) -> dict[str, list[tuple[str, float]]]:
    return {
        name: [(hit.chunk, hit.score) for hit in ranking.hits]
        for name, ranking in response.rankings.items()
    }


def members(backup: bytes) -> set[str]:
    with tarfile.open(fileobj=io.BytesIO(backup)) as tar:
        return set(tar.getnames())


@pytest.mark.parametrize("with_vectors", [False, True])
async def test_a_restored_index_equals_the_old_one(folder: Path, with_vectors: bool) -> None:
    queries = FIFTY if with_vectors else QUERIES
    paths.config_file().parent.mkdir(parents=True, exist_ok=True)
    paths.config_file().write_text("[agent]\nk = 4\n")
    async with serving(folder) as engine:
        await until(engine, current)
        (folder / "ports.md").write_text("# Ports\n\nStaging ssh listens on port 2223 now.\n")
        await until(engine, lambda state: state.chunks == 2 and ready(state))
        await engine.ask(AddPinRequest(text="ssh", target=Target(path="ports.md")))
        before = [ranks(await ask(engine, query)) for query in queries]
        pins = await engine.ask(PinsRequest())
        backup = await backed_up(engine, with_vectors=with_vectors)
    assert ("index/vectors.sqlite" in members(backup)) is with_vectors
    assert "index/recalls.sqlite" in members(backup)
    shutil.rmtree(paths.index_dir(folder))
    paths.pin_file(folder).unlink()
    paths.config_file().unlink()
    restored, problem = restore(backup, folder)
    assert restored is not None, problem
    assert "settings/config.toml" in restored.restored and not restored.kept
    assert paths.config_file().read_text() == "[agent]\nk = 4\n"
    async with serving(folder) as engine:
        state = await until(engine, ready)
        assert state.agent_k == 4
        assert [ranks(await ask(engine, query)) for query in queries] == before
        again = await engine.ask(PinsRequest())
        assert [each.pin for each in again.results] == [each.pin for each in pins.results]


async def test_a_backup_is_consistent_while_notes_are_indexed_and_after_a_kill(
    folder: Path, tmp_path: Path
) -> None:
    async def edit_forever() -> None:
        for number in itertools.count():
            (folder / "food.md").write_text(f"# Food\n\nSoup of day {number}.\n")
            (folder / f"new{number % 3}.md").write_text(f"# New\n\nNote {number}.\n")
            await asyncio.sleep(0.05)

    async with serving(folder) as engine:
        await until(engine, current)
        editing = asyncio.create_task(edit_forever())
        backups = [await backed_up(engine, with_vectors=True) for _ in range(3)]
        process = psutil.Process((await engine.ask(HelloRequest())).engine.pid)
        backup = await begun_backup(engine, process, folder)
        process.kill()
        with pytest.raises(EngineUnavailable):
            await backup
        editing.cancel()
    assert leftovers(folder)
    for number, archive in enumerate(backups):
        unpacked = tmp_path / f"unpacked{number}"
        unpacked.mkdir()
        assert "index/manifest.sqlite" in unpack(io.BytesIO(archive), unpacked).files
        for database in (unpacked / "index").iterdir():
            with closing(sqlite3.connect(database)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    async with serving(folder) as engine:
        await until(engine, current)
        await backed_up(engine)
        assert not leftovers(folder)


async def test_an_index_in_use_or_in_place_is_not_replaced(folder: Path) -> None:
    async with serving(folder) as engine:
        await until(engine, current)
        backup = await backed_up(engine)
        restored, problem = restore(backup, folder, "--force")
        assert restored is None and "stop the engine first" in problem
    restored, problem = restore(backup, folder)
    assert restored is None and "--force replaces it" in problem
    restored, problem = restore(backup, folder, "--force")
    assert restored is not None, problem
    assert not leftovers(folder)


def _cut(backup: bytes) -> bytes:
    return backup[: len(backup) // 2]


def _rewritten(backup: bytes, change: Callable[[BackupContent], BackupContent]) -> bytes:
    result = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(backup)) as old,
        tarfile.open(fileobj=result, mode="w:gz") as new,
    ):
        for member in old:
            stream = old.extractfile(member)
            data = stream.read() if stream else b""
            if member.name == "backup.json":
                data = msgspec.json.encode(change(msgspec.json.decode(data, type=BackupContent)))
                member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    return result.getvalue()


def _newer(backup: bytes) -> bytes:
    return _rewritten(backup, lambda content: msgspec.structs.replace(content, format=99))


def _outside(backup: bytes) -> bytes:
    """An archive with a member that leads outside the index."""

    def add(content: BackupContent) -> BackupContent:
        return msgspec.structs.replace(content, files=content.files | {"../../x.json": "0" * 64})

    changed = io.BytesIO(gzip.decompress(_rewritten(backup, add)))
    with tarfile.open(fileobj=changed, mode="a") as tar:
        tar.addfile(tarfile.TarInfo("../../x.json"), io.BytesIO())
    return gzip.compress(changed.getvalue())


def _changed(backup: bytes) -> bytes:
    """An archive whose manifest is not what it says."""

    def lie(content: BackupContent) -> BackupContent:
        files = content.files | {"index/manifest.sqlite": "0" * 64}
        return msgspec.structs.replace(content, files=files)

    return _rewritten(backup, lie)


DAMAGES: tuple[tuple[Callable[[bytes], bytes], str], ...] = (
    (_cut, "not a complete backup"),
    (lambda backup: b"", "not a complete backup"),
    (lambda backup: b"text", "not a complete backup"),
    (_newer, "format 99"),
    (_outside, "unexpected member"),
    (_changed, "index/manifest.sqlite is damaged"),
)


async def test_a_bad_archive_changes_nothing(folder: Path) -> None:
    async with serving(folder) as engine:
        await until(engine, current)
        backup = await backed_up(engine)
    manifest = paths.index_dir(folder) / "manifest.sqlite"
    before = manifest.read_bytes()
    for damage, message in DAMAGES:
        restored, problem = restore(damage(backup), folder, "--force")
        assert restored is None and message in problem
        assert manifest.read_bytes() == before
        assert not list(paths.index_dir(folder).glob(".backup-*"))
