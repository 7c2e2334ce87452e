"""Whatever happens to the folder, the rankings follow; what lags behind is marked."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from membrowse.settings import EngineSettings
from membrowse.wire.engine import RebuildRequest, ReindexRequest, StatusRequest, WatchRequest
from membrowse.wire.notes import NOT_INDEXED, FilesRequest, Freshness, NoteState
from membrowse.wire.search import RANKINGS, RERANKED
from tests.engine.conftest import ask, at, current, eventually, first_paths, serving, until

NEEDLE = "# Needle\n\nThe zephyrine lantern hangs in the boathouse.\n"
QUESTION = "where does the zephyrine lantern hang?"


async def test_a_saved_edit_is_in_every_ranking(folder: Path) -> None:
    async with serving(folder) as client:
        before = await until(client, current)
        with (folder / "food.md").open("a") as note:
            note.write("\nThe zephyrine lantern hangs in the boathouse.\n")
        after = await until(client, at(before.generation))
        assert set(first_paths(await ask(client, QUESTION)).values()) == {"food.md"}
        assert after.last_change is not None
        assert after.last_change.path == "food.md"


def write(folder: Path) -> str:
    (folder / "new.md").write_text(NEEDLE)
    return "new.md"


def replace(folder: Path) -> str:
    fresh = folder / ".food.md.tmp"
    fresh.write_text(NEEDLE)
    fresh.replace(folder / "food.md")
    return "food.md"


def rename_in(folder: Path) -> str:
    outside = folder.parent / "outside.md"
    outside.write_text(NEEDLE)
    outside.rename(folder / "inside.md")
    return "inside.md"


def rename_within_after_writing(folder: Path) -> str:
    (folder / "draft.txt.part").write_text(NEEDLE)
    (folder / "draft.txt.part").rename(folder / "final.md")
    return "final.md"


def move_folder_in(folder: Path) -> str:
    outside = folder.parent / "moved"
    (outside / "deep" / "deeper").mkdir(parents=True)
    (outside / "deep" / "deeper" / "needle.md").write_text(NEEDLE)
    outside.rename(folder / "moved")
    return "moved/deep/deeper/needle.md"


def save_like_vim(folder: Path) -> str:
    note = folder / "food.md"
    (folder / ".food.md.swp").write_bytes(b"b0VIM 9.0")
    note.rename(folder / "food.md~")
    note.write_text(NEEDLE)
    (folder / "food.md~").unlink()
    (folder / ".food.md.swp").unlink()
    return "food.md"


def keep_size_and_time(folder: Path) -> str:
    note = folder / "food.md"
    status = note.stat()
    note.write_text(NEEDLE.ljust(status.st_size, "\n")[: status.st_size])
    os.utime(note, ns=(status.st_atime_ns, status.st_mtime_ns))
    return "food.md"


@pytest.mark.parametrize(
    "change",
    [
        write,
        replace,
        rename_in,
        rename_within_after_writing,
        move_folder_in,
        save_like_vim,
    ],
    ids=lambda change: change.__name__,
)
async def test_every_way_of_saving_is_seen(folder: Path, change: Callable[[Path], str]) -> None:
    async with serving(folder) as client:
        before = await until(client, current)
        path = change(folder)
        await until(client, lambda state: at(before.generation)(state))

        async def found() -> bool:
            return set(first_paths(await ask(client, QUESTION)).values()) == {path}

        await eventually(found)


async def test_an_edit_that_keeps_size_and_time_is_seen(folder: Path) -> None:
    (folder / "food.md").write_text(NEEDLE.replace("boathouse", "lighthous"))
    async with serving(folder) as client:
        before = await until(client, current)
        path = keep_size_and_time(folder)
        await until(client, at(before.generation))

        async def found() -> bool:
            hits = (await ask(client, "boathouse")).rankings["keyword"].hits
            return [hit.path for hit in hits] == [path]

        await eventually(found)


async def test_what_leaves_the_folder_leaves_the_rankings(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "needle.md").write_text(NEEDLE)
    async with serving(folder) as client:
        before = await until(client, current)
        (folder / "deep").rename(folder.parent / "elsewhere")
        (folder / "food.md").unlink()
        await until(client, lambda state: at(before.generation)(state) and state.notes == 1)
        recall = await ask(client, QUESTION)
        paths = {hit.path for name in RANKINGS for hit in recall.rankings[name].hits}
        assert paths == {"ports.md"}


async def test_what_happened_while_no_engine_ran_is_found(folder: Path) -> None:
    async with serving(folder) as client:
        before = await until(client, current)
    (folder / "food.md").unlink()
    (folder / "needle.md").write_text(NEEDLE)
    async with serving(folder) as client:
        after = await until(client, at(before.generation))
        assert after.notes == 2
        assert set(first_paths(await ask(client, QUESTION)).values()) == {"needle.md"}


async def test_while_paused_hits_are_marked_and_counted(folder: Path) -> None:
    async with serving(folder) as client:
        before = await until(client, current)
        await client.ask(WatchRequest(paused=True))
        await until(client, lambda state: state.watcher.paused)
        (folder / "food.md").write_text(NEEDLE)
        (folder / "ports.md").unlink()
        (folder / "new.md").write_text(NEEDLE)
        state = await until(client, lambda state: state.pending.total == 3)
        assert (state.pending.new, state.pending.changed, state.pending.deleted) == (1, 1, 1)
        assert (state.changed, state.deleted) == (("food.md",), ("ports.md",))
        assert state.generation == before.generation
        recall = await ask(client, "soup and ports")
        freshness = {hit.path: hit.freshness for hit in recall.rankings[RERANKED].hits}
        assert freshness == {"food.md": Freshness.CHANGED, "ports.md": Freshness.DELETED}
        assert recall.pending == 3
        states = {record.path: record.state for record in await client.ask(FilesRequest())}
        assert states == {
            "food.md": NoteState.CHANGED,
            "new.md": NoteState.NEW,
            "ports.md": NoteState.DELETED,
        }
        await client.ask(WatchRequest(paused=False))
        await until(client, at(before.generation))
        assert set(first_paths(await ask(client, QUESTION)).values()) <= {"food.md", "new.md"}


async def test_a_file_written_without_pause_is_indexed_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBROWSE_ENGINE_SETTLE_MS", "400")
    monkeypatch.setenv("MEMBROWSE_ENGINE_SETTLE_LIMIT_MS", "800")
    async with serving(folder) as client:
        before = await until(client, current)

        async def written_and_indexed() -> bool:
            with (folder / "log.md").open("a") as note:
                note.write("one more line without a pause\n")
            return (await client.ask(StatusRequest())).state.generation > before.generation

        await eventually(written_and_indexed)


async def test_a_renamed_note_is_not_encoded_again(folder: Path) -> None:
    sections = "".join(f"## Part {n}\n\nText of part {n}, about matter {n}.\n\n" for n in range(40))
    (folder / "long.md").write_text(f"# Long\n\n{sections}")
    async with serving(folder) as client:
        before = await until(client, current)
        assert before.chunks > 40
        (folder / "long.md").rename(folder / "renamed.md")
        changed = await until(client, lambda state: state.generation > before.generation)
        assert changed.encoded == changed.chunks == before.chunks
        recall = await ask(client, "part 7 about matter 7")
        assert recall.rankings[RERANKED].hits[0].path == "renamed.md"


async def test_a_note_that_cannot_be_read_is_counted_and_said(folder: Path) -> None:
    (folder / "broken.md").write_bytes(b"text\x00binary")
    (folder / "big.md").write_text("x" * 6_000_000)
    (folder / "transcript.jsonl").write_text("{}\n")
    async with serving(folder) as client:
        state = await until(client, current)
        records = {record.path: record for record in await client.ask(FilesRequest())}
        left_out = [path for path, record in records.items() if record.state in NOT_INDEXED]
        assert state.not_indexed == len(left_out) == 3
        assert records["transcript.jsonl"].state is NoteState.IGNORED
        assert records["broken.md"].state is NoteState.SKIPPED
        assert "binary" in records["broken.md"].reason
        assert records["big.md"].state is NoteState.SKIPPED
        (folder / "broken.md").write_text(NEEDLE)
        await until(client, lambda state: current(state) and state.notes == 3)


async def test_asked_for_notes_are_indexed_anew(folder: Path) -> None:
    async with serving(folder) as client:
        before = await until(client, current)
        await client.ask(ReindexRequest(paths=("food.md",)))
        after = await until(client, at(before.generation))
        assert after.chunks == before.chunks


async def test_a_rebuild_uses_the_vectors_again(folder: Path) -> None:
    async with serving(folder) as client:
        before = await until(client, current)
        first = await ask(client, "which port does staging ssh use?")
        await client.ask(RebuildRequest())
        await until(client, at(before.generation + 1))
        again = await ask(client, "which port does staging ssh use?")
        for name in RANKINGS:
            hits = [(hit.chunk, hit.score) for hit in first.rankings[name].hits]
            assert hits == [(hit.chunk, hit.score) for hit in again.rankings[name].hits]


async def test_a_folder_that_vanishes_is_told_and_survived(folder: Path) -> None:
    async with serving(folder) as client:
        await until(client, current)
        away = folder.parent / "away"
        folder.rename(away)
        async with asyncio.timeout(
            EngineSettings().check_seconds / 2
        ):  # the watcher says so, and not the check
            gone = await until(client, lambda state: bool(state.problem))
        assert str(folder) in gone.problem
        assert gone.chunks > 0
        away.rename(folder)
        await client.ask(ReindexRequest())
        await until(client, lambda state: not state.problem and current(state))
        shutil.copy(folder / "food.md", folder / "copy.md")
        await until(client, lambda state: current(state) and state.notes == 3)


async def test_what_is_odd_about_a_file_is_told_once_and_a_vanished_folder_in_words(
    folder: Path,
) -> None:
    (folder / "wide.md").write_bytes("# Wide\n".encode("utf-16"))
    async with serving(folder) as client:
        await until(client, current)
        (wide,) = [
            record for record in await client.ask(FilesRequest()) if record.path == "wide.md"
        ]
        assert len(wide.warnings) == 1
        folder.rename(folder.with_name("away"))
        state = await until(client, lambda state: bool(state.problem))
        assert state.problem.startswith(str(folder))
