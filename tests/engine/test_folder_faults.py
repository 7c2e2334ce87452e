"""Folders that vanish, notes that are too much, dates that change: nothing is lost in silence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from membrowse.engine.indexing import note_reader
from membrowse.engine.indexing.note_reader import NoteReader
from membrowse.engine.models import Models
from membrowse.settings import NotesSettings, Settings
from membrowse.wire.engine import RebuildRequest, ReindexRequest
from membrowse.wire.health import HealthRequest
from membrowse.wire.notes import NoteState
from tests.engine.conftest import ask, current, serving, until


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


def reader(folder: Path) -> NoteReader:
    return NoteReader(folder, NotesSettings(), Models(Settings(), lambda: None))


def test_a_note_of_too_many_chunks_is_left_out_with_the_reason(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(note_reader, "MAX_CHUNKS", 50)
    (folder / "headings.md").write_text("".join(f"# Heading {n}\n\ntext\n\n" for n in range(60)))
    reading = reader(folder).read("headings.md", None)
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
