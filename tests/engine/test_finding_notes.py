"""What an author wrote can be found, wherever in the file or its name it stands."""

from __future__ import annotations

import asyncio
import base64
import os
import random
from pathlib import Path
from unicodedata import normalize

import msgspec
import pytest

from membrowse import paths
from membrowse.engine.indexing.note_reader import NO_TEXT
from membrowse.engine.querying.freshness import FreshnessOf
from membrowse.index.generation import IndexedNote
from membrowse.roots import Roots
from membrowse.wire.diagnosis import DiagnosisRequest, StepName
from membrowse.wire.engine import Pending, ReindexRequest, WatchRequest
from membrowse.wire.explanation import ExplainRequest
from membrowse.wire.notes import ChunkRequest, FileRecord, FilesRequest, Freshness, NoteState
from membrowse.wire.pins import PinsRequest
from membrowse.wire.search import KEYWORD, RERANKED, VECTOR, Target
from tests.engine.conftest import ask, at, current, first_paths, save, serving, until
from tests.waiting import DEADLINE_SECONDS

FILLER = (
    "The group walked along the river, and stopped at the old mill for bread and cheese. {} people "
    "came, and nobody minded the rain."
)


def records(files: list[FileRecord]) -> dict[str, FileRecord]:
    return {file.path: file for file in files}


async def test_a_note_is_found_by_its_file_name_alone(folder: Path) -> None:
    for number in range(60):
        (folder / f"{number:02}.md").write_text(FILLER.format(number))
    (folder / "Piano lessons.md").write_text("Tuesdays at five with Ms. Kerr, bring the blue book.")
    (folder / "oncall_rota.md").write_text("Ada has the first week, Bo the second.")
    async with serving(folder) as client:
        await until(client, current)
        for query, path in (("piano", "Piano lessons.md"), ("oncall rota", "oncall_rota.md")):
            response = await ask(client, query)
            assert first_paths(response)[KEYWORD] == first_paths(response)[RERANKED] == path
            assert response.rankings[KEYWORD].hits[0].title == path.removesuffix(".md")
        (folder / "other.md").write_text("Piano, piano lessons: piano lessons are the best.\n")
        await client.ask(ReindexRequest())
        await until(client, current)
        request = ExplainRequest(text="piano lessons", target=Target(path="Piano lessons.md"))
        explanation = (await client.ask(request)).reranked
        assert (explanation.rank, explanation.name_bonus) == (1, 1.0)
        parts = explanation.contribution + explanation.fused_contribution + 1.0
        assert explanation.score == pytest.approx(parts)


async def test_front_matter_is_searched_and_explained(folder: Path) -> None:
    (folder / "alias.md").write_text("---\naliases: [Neovim]\n---\n# Editor\n\nUse tabs.\n")
    (folder / "only.md").write_text(
        "---\nname: payment-terms\ndescription: Quillon pays net 45\ntype: project\n---\n"
    )
    (folder / "blank.md").write_text(" \n")
    (folder / "head.md").write_text("---\ntags: []\n---\n")
    async with serving(folder) as client:
        await until(client, current)
        assert first_paths(await ask(client, "Quillon net 45"))[RERANKED] == "only.md"
        assert first_paths(await ask(client, "Neovim"))[KEYWORD] == "alias.md"
        request = DiagnosisRequest(text="Neovim", target=Target(text="Neovim"))
        diagnosis = await client.ask(request)
        assert diagnosis.in_top_k
        assert diagnosis.match.hit is not None and diagnosis.match.hit.path == "alias.md"
        listed = records(await client.ask(FilesRequest()))
        assert (listed["only.md"].chunks, listed["only.md"].warnings) == (1, ())
        assert (listed["blank.md"].state, listed["blank.md"].chunks) == (NoteState.INDEXED, 0)
        assert listed["blank.md"].warnings == (NO_TEXT,)


async def test_payloads_make_no_chunks_and_are_named(folder: Path) -> None:
    picture = base64.b64encode(random.Random(1).randbytes(20_000)).decode()
    (folder / "boiler.md").write_text(
        f"# Boiler\n\n![Photo of the valve](data:image/png;base64,{picture})\n\nService in May.\n"
    )
    async with serving(folder) as client:
        await until(client, current)
        listed = records(await client.ask(FilesRequest()))
        assert listed["boiler.md"].chunks == 1
        (warning,) = listed["boiler.md"].warnings
        assert "embedded data in line 3 (26," in warning
        assert first_paths(await ask(client, "photo of the valve"))[KEYWORD] == "boiler.md"
        sought = Target(path="boiler.md", text=picture[100:180])
        diagnosis = await client.ask(DiagnosisRequest(text="boiler", target=sought))
        step = next(each for each in diagnosis.steps if each.name is StepName.TEXT)
        assert step.finding.startswith("The text is in a part of the file that is not indexed")
        assert step.evidence == (warning,)


async def test_legacy_encodings_are_read_and_reported_wherever_the_note_is_shown(
    folder: Path,
) -> None:
    russian = "# Заметки\n\nПароль сменили во вторник, ключ лежит в шкафу.\n"
    (folder / "cp1251.md").write_bytes(russian.encode("cp1251"))
    (folder / "damaged.md").write_bytes(
        "# Журнал\n\nПароль в шкафу у входа.\n".encode() + b"\xd0\n"
    )
    (folder / "unknown.md").write_bytes(random.Random(1).randbytes(600).replace(b"\0", b"a"))
    async with serving(folder) as client:
        await until(client, lambda state: state.pending == Pending(failed=1))
        listed = records(await client.ask(FilesRequest()))
        assert listed["cp1251.md"].warnings[0].startswith("read as cp1251, which is a guess")
        assert listed["damaged.md"].warnings[0].startswith("one byte is not UTF-8")
        assert listed["unknown.md"].state is NoteState.FAILED
        assert "its encoding is not known" in listed["unknown.md"].reason
        logged = f"unknown.md {listed['unknown.md'].reason}"
        async with asyncio.timeout(DEADLINE_SECONDS):
            while logged not in paths.log_file(folder).read_text():
                await asyncio.sleep(0.05)
        response = await ask(client, "шкафу")
        hits = {hit.path: hit.chunk for hit in response.rankings[KEYWORD].hits}
        assert hits.keys() == {"cp1251.md", "damaged.md"}
        view = await client.ask(ChunkRequest(chunk=hits["cp1251.md"]))
        assert view.warnings == listed["cp1251.md"].warnings
        diagnosis = await client.ask(
            DiagnosisRequest(text="шкафу", target=Target(path="cp1251.md"))
        )
        step = next(each for each in diagnosis.steps if each.name is StepName.INDEXED)
        assert step.evidence == listed["cp1251.md"].warnings


async def test_a_changed_encoding_setting_reads_the_notes_again(folder: Path) -> None:
    (folder / "old.txt").write_bytes("# Notiz\n\nключ\n".encode("koi8_r"))
    async with serving(folder) as client:
        await until(client, current)
    paths.config_file().parent.mkdir(parents=True, exist_ok=True)
    paths.config_file().write_text('[notes.encodings]\n"*.txt" = "koi8_r"\n')
    async with serving(folder) as client:
        await until(client, current)
        listed = records(await client.ask(FilesRequest()))
        assert listed["old.txt"].warnings == ()
        assert first_paths(await ask(client, "ключ"))[KEYWORD] == "old.txt"


async def test_a_copy_that_keeps_size_and_time_is_indexed(folder: Path) -> None:
    async with serving(folder) as client:
        before = await until(client, current)
        old = (folder / "food.md").stat()
        other = (folder / "food.md").read_text().replace("soup", "stew")
        await client.ask(WatchRequest(paused=True))
        (folder / "food.md").write_text(other)
        os.utime(folder / "food.md", ns=(old.st_atime_ns, old.st_mtime_ns))
        (hit, *_) = (await ask(client, "soup")).rankings[KEYWORD].hits
        assert hit.freshness is Freshness.CHANGED
        await client.ask(WatchRequest(paused=False))
        await until(client, at(before.generation))
        assert (await ask(client, "stew")).rankings[KEYWORD].hits[0].path == "food.md"


def test_a_hit_in_an_unreadable_folder_is_not_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = IndexedNote("a.md", "a", "", "", "", 4, 0, "", "", (), 1)

    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refuse)
    assert FreshnessOf(Roots.of_folder(tmp_path), {"a.md": note})("a.md") is Freshness.UNREADABLE
    monkeypatch.undo()
    assert FreshnessOf(Roots.of_folder(tmp_path), {"a.md": note})("a.md") is Freshness.DELETED


async def test_one_file_with_several_names_is_one_hit(folder: Path) -> None:
    (folder / "link.md").symlink_to("food.md")
    (folder / "linked").symlink_to(".")
    async with serving(folder) as client:
        await until(client, current)
        assert [hit.path for hit in (await ask(client, "soup")).rankings[KEYWORD].hits] == [
            "food.md"
        ]
        listed = records(await client.ask(FilesRequest()))
        assert listed["food.md"].warnings == ("it is also in the folder as link.md",)
        assert listed["link.md"].reason == "the same file as food.md"
        diagnosis = await client.ask(DiagnosisRequest(text="soup", target=Target(path="link.md")))
        assert diagnosis.in_top_k


async def test_a_name_is_found_in_either_unicode_form_and_by_its_absolute_path(
    folder: Path,
) -> None:
    name = "café_ñandú.md"
    (folder / normalize("NFD", name)).write_text("---\ntags: [crème]\n---\nThe ñandú runs.\n")
    composed = normalize("NFC", name)
    pins = [
        {"id": "nfc", "query": "who runs?", "path": composed, "text": "The ñandú"},
        {"id": "absolute", "query": "who likes soup?", "path": str(folder / "food.md")},
    ]
    (folder / "golden.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, pins)))
    async with serving(folder) as client:
        await until(client, current)
        run = await client.ask(PinsRequest())
        assert [(result.pin.id, result.passes) for result in run.results] == [
            ("nfc", True),
            ("absolute", True),
        ]
        diagnosis = await client.ask(DiagnosisRequest(text="runs", target=Target(path=composed)))
        assert diagnosis.in_top_k
        response = await ask(client, "path:café tag:crème runs", syntax="operators")
        assert first_paths(response)[RERANKED] == normalize("NFD", name)


async def test_of_a_long_query_the_end_counts_and_what_is_cut_is_said(folder: Path) -> None:
    async with serving(folder) as client:
        await until(client, current)
        padding = "On and on the conversation went about the weather and the garden. " * 60
        response = await ask(client, f"{padding} which port does staging ssh use?")
        assert first_paths(response)[VECTOR] == "ports.md"
        (warning,) = response.query.warnings
        assert warning.startswith("the query is longer than the encoder's window: it reads from “")


async def test_a_single_chunk_is_a_full_match(folder: Path) -> None:
    (folder / "ports.md").unlink()
    async with serving(folder) as client:
        await until(client, current)
        (hit,) = (await ask(client, "soup")).rankings[RERANKED].hits
        assert hit.score == pytest.approx(1.0)


async def test_a_conflict_copy_is_marked_and_named(folder: Path) -> None:
    copy = "food (Ida's conflicted copy 2026-11-18).md"
    (folder / copy).write_text((folder / "food.md").read_text())
    async with serving(folder) as client:
        await until(client, current)
        hits = (await ask(client, "soup")).rankings[KEYWORD].hits
        assert {hit.path: hit.copy_of for hit in hits} == {"food.md": "", copy: "food.md"}
        listed = records(await client.ask(FilesRequest()))
        assert listed[copy].warnings == (
            "by its name a copy of food.md, left by file synchronisation",
        )
        diagnosis = await client.ask(DiagnosisRequest(text="soup", target=Target(path="food.md")))
        assert diagnosis.steps[0].evidence == (
            f"{copy} is a copy of it by its name, left by file synchronisation",
        )


async def test_changes_in_a_linked_folder_are_seen_at_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBROWSE_ENGINE_CHECK_SECONDS", "600")
    outside = tmp_path / "outside"
    outside.mkdir()
    monkeypatch.setenv("MEMBROWSE_NOTES_FOLLOW", f'["{outside}"]')
    (outside / "tea.md").write_text("# Tea\n\nGreen tea in the morning.\n")
    (folder / "linked").symlink_to(outside)
    async with serving(folder) as client:
        before = await until(client, current)
        save(outside / "tea.md", "# Tea\n\nThe zephyrine blend in the evening.\n")
        await until(client, at(before.generation))
        response = await ask(client, "zephyrine")
        assert first_paths(response)[KEYWORD] == "linked/tea.md"
