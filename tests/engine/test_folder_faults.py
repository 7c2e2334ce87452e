"""Folders that vanish, notes that are too much, dates that change: nothing is lost in silence."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from membrowse import paths
from membrowse.engine.indexing import note_reader
from membrowse.engine.indexing.folder_comparison import Comparison
from membrowse.engine.indexing.folder_identity import FolderIdentity, divided
from membrowse.engine.indexing.note_reader import NoteReader
from membrowse.engine.models import Models
from membrowse.notes.scanner import ScannedFile
from membrowse.roots import Roots
from membrowse.settings import NotesSettings, Settings
from membrowse.wire.engine import RebuildRequest, ReindexRequest
from membrowse.wire.health import HealthRequest
from membrowse.wire.notes import NoteState
from tests.engine.conftest import ask, current, made_otherwise, serving, until


async def test_an_unmounted_folder_keeps_its_index(folder: Path) -> None:
    async with serving(folder) as client:
        before = await until(client, current)
        mounted = folder.rename(folder.with_name("elsewhere"))
        folder.mkdir()
        state = await until(client, lambda state: "is empty" in state.problem)
        assert (state.notes, state.pending.deleted) == (2, 2)
        assert "--rebuild" in state.problem
        health = await client.ask(HealthRequest())
        assert health.ready and "is empty" in health.reasons[0]
        assert (await ask(client, "ssh")).rankings["keyword"].total == 1
        folder.rmdir()
        mounted.rename(folder)
        after = await until(client, lambda state: current(state) and not state.problem)
        assert (after.generation, after.encoded) == (before.generation, before.chunks)


async def test_an_engine_that_starts_on_an_unmounted_folder_keeps_the_index(folder: Path) -> None:
    async with serving(folder) as client:
        await until(client, current)
    mounted = folder.rename(folder.with_name("elsewhere"))
    folder.mkdir()
    async with serving(folder) as client:
        await client.ask(ReindexRequest())
        state = await until(client, lambda state: "is empty" in state.problem)
        assert state.notes == 2
        await client.ask(RebuildRequest())
        await until(client, lambda state: state.notes == 0 and not state.problem)
    assert mounted.exists()


async def test_another_folder_in_its_place_does_not_replace_the_index(folder: Path) -> None:
    async with serving(folder) as client:
        before = await until(client, current)
    mounted = folder.rename(folder.with_name("elsewhere"))
    folder.mkdir()
    (folder / "README.md").write_text("# Another disk\n")
    async with serving(folder) as client:
        await client.ask(ReindexRequest())
        state = await until(client, lambda state: "Is a disk not mounted" in state.problem)
        assert (state.notes, state.pending.new, state.pending.deleted) == (2, 1, 2)
        assert state.generation == before.generation and not state.reading
        await client.ask(RebuildRequest())
        await until(client, lambda state: current(state) and state.notes == 1)
    assert mounted.exists()


async def test_a_restored_folder_is_the_same_although_its_inode_differs(folder: Path) -> None:
    async with serving(folder) as client:
        before = await until(client, current)
    shutil.copytree(folder, folder.with_name("copy"))
    shutil.rmtree(folder)
    folder.with_name("copy").rename(folder)
    async with serving(folder) as client:
        after = await until(client, lambda state: current(state) and not state.problem)
        assert after.notes == before.notes


async def test_an_unmounted_folder_is_not_rebuilt_by_another_version(
    folder: Path,
) -> None:
    async with serving(folder) as client:
        await until(client, current)
    folder.rename(folder.with_name("elsewhere"))
    folder.mkdir()
    made_otherwise(paths.index_dir(folder))
    async with serving(folder) as client:
        state = await until(client, lambda state: "is empty" in state.problem)
        assert state.notes == 2 and "chunker" in state.stale


def scanned(path: str, device: int, size: int = 5) -> ScannedFile:
    return ScannedFile(path, size, 0, None, "", device=device)


def test_what_is_mounted_in_the_folder_is_known_by_itself(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    identity = FolderIdentity(tmp_path / "folder.json")
    files = {file.path: file for file in (scanned("a.md", 1), scanned("disk/b.md", 2))}
    identity.remember(Roots.of_folder(tmp_path), files)
    assert FolderIdentity.of(tmp_path).known == identity.known
    identity.known["disk/"] = (2, 2)
    del files["disk/b.md"]
    notes = {"a.md": scanned("a.md", 1), "disk/b.md": scanned("disk/b.md", 2)}
    (exchanged,) = identity.exchanged(Roots.of_folder(tmp_path), notes, files)
    assert (exchanged.prefix, exchanged.indexed, exchanged.present) == ("disk/", 1, 0)
    found = Comparison(
        found=files, new=("c.md", "disk", "disk/x.md"), deleted=("d.md", "disk/b.md")
    )
    usable, withheld = divided(found, [exchanged])
    assert (usable.new, usable.deleted) == (("c.md",), ("d.md",))
    assert (withheld.new, withheld.deleted) == (("disk", "disk/x.md"), ("disk/b.md",))
    (tmp_path / "disk").rmdir()
    assert not identity.exchanged(Roots.of_folder(tmp_path), notes, files), "removed, not exchanged"


def reader(folder: Path) -> NoteReader:
    return NoteReader(
        Roots.of_folder(folder), NotesSettings(), Models(folder, Settings(), lambda: None)
    )


@pytest.mark.parametrize("headings", [True, False])
def test_a_note_of_too_many_chunks_is_left_out_with_the_reason(
    folder: Path, monkeypatch: pytest.MonkeyPatch, headings: bool
) -> None:
    monkeypatch.setattr(note_reader, "MAX_CHUNKS", 50)
    text = (
        "".join(f"# Heading {n}\n\ntext\n\n" for n in range(60)) if headings else "word " * 30_000
    )
    (folder / "headings.md").write_text(text)
    counted: list[str] = []
    notes = reader(folder)

    def count(text: str) -> int:
        counted.append(text)
        return len(text)

    monkeypatch.setattr(NoteReader, "count", property(lambda _: count))
    reading = notes.read("headings.md", None)
    assert len(counted) < 1000 and not (headings and counted), "refused before it is chunked"
    assert reading.change is None and reading.unindexed is not None
    assert reading.unindexed.state is NoteState.FAILED
    assert reading.unindexed.reason == "more than 50 chunks: split it into several notes"


def test_a_date_that_comes_from_the_file_follows_it(folder: Path) -> None:
    notes = reader(folder)
    first = notes.read("food.md", None).change
    assert first is not None and first.note is not None
    os.utime(folder / "food.md", (1_600_000_000, 1_600_000_000))
    second = notes.read("food.md", first.note).change
    assert second is not None and second.note is not None
    assert second.note.date == "2020-09-13"
    os.utime(folder / "food.md", (1_600_000_100, 1_600_000_100))
    assert notes.read("food.md", second.note).unchanged is not None
