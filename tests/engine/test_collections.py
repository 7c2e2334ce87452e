"""A real engine over three roots: one tree, whatever happens to one of them."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from membrowse import paths
from membrowse.agents import profiles
from membrowse.agents.collections import folder_of, open_collection
from membrowse.client import discovery
from membrowse.client.engine import EngineClient
from membrowse.engine.indexing import note_reader
from membrowse.notes import root_access
from membrowse.notes.reader import FileContent, read_file
from membrowse.roots import Roots
from membrowse.settings import NotesSettings, load
from membrowse.wire.agents import AgentMemory, AgentProfile
from membrowse.wire.crowding import CrowdingRequest, CrowdingSource
from membrowse.wire.diagnosis import DiagnosisRequest
from membrowse.wire.engine import EngineState, HelloRequest, ReindexRequest, StatusRequest
from membrowse.wire.filters import DateReadingRequest, FilterValuesRequest
from membrowse.wire.notes import FilesRequest, Freshness, NoteRequest, NoteState
from membrowse.wire.search import RERANKED, Filters, Hit, Target
from tests.engine.conftest import FOOD, PORTS, ask, current, engine_here, serving, until

QUESTION = "which port does staging ssh listen on?"
NEEDLE = "# Needle\n\nThe zephyrine lantern hangs in the boathouse.\n"


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """The directory of three roots, which are the collection `ops`."""
    for name, text in (("work", PORTS), ("team", FOOD), ("own", NEEDLE)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "note.md").write_text(text)
    (tmp_path / "team" / "log.txt").write_text("left out by the globs of its root\n")
    configure(tmp_path, "work", "team", "own")
    return tmp_path


def configure(directory: Path, *names: str, **places: str) -> None:
    where = {name: str(directory / name) for name in names} | places
    lines = ", ".join(
        f"{name} = {{ path = {json.dumps(place)}, include = ['*.md'] }}"
        for name, place in where.items()
    )
    file = paths.config_file()
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"[collections.ops]\nroots = {{ {lines} }}\n")


def ops() -> Path:
    return open_collection("ops", load(paths.config_file()))


def problem_of(name: str) -> Callable[[EngineState], bool]:
    """Whether the root `name` is out of reach."""
    return lambda state: any(root.name == name and bool(root.problem) for root in state.roots)


def complete(state: EngineState) -> bool:
    return current(state) and not any(root.problem for root in state.roots)


def renewed_beside(state: EngineState, generation: int) -> bool:
    """Whether a stale index was indexed again, but for the root that is missing."""
    done = state.generation > generation and state.encoded == state.chunks
    return problem_of("work")(state) and bool(state.stale) and done and state.progress is None


def has_started(requests: int) -> Callable[[EngineState], bool]:
    return lambda state: state.started >= requests and state.progress is None


def first(hits: tuple[Hit, ...]) -> str:
    return hits[0].path


async def test_a_collection_is_one_tree_and_outlives_the_loss_of_a_root(roots: Path) -> None:
    async with serving(ops()) as client:
        before = await until(client, current)
        assert (before.notes, before.not_indexed) == (3, 1)
        assert [(root.name, root.path) for root in before.roots] == [
            (name, str(roots / name)) for name in ("work", "team", "own")
        ]
        assert first((await ask(client, QUESTION)).hits) == "work/note.md"
        only = await ask(client, QUESTION, filters=Filters(root="team"))
        assert {hit.path for hit in only.rankings[RERANKED].hits} == {"team/note.md"}
        assert (await client.ask(NoteRequest(path="own/note.md"))).path == "own/note.md"
        await offers_filters_and_counts_places(client)

        (roots / "work").rename(roots / "away")
        lost = await until(client, problem_of("work"))
        assert lost.notes == 3
        (roots / "own" / "new.md").write_text("# New\n\nPangolins sleep at noon.\n")
        found = await until(client, lambda state: state.notes == 4)
        assert found.problem == ""
        kept = await ask(client, QUESTION)
        assert first(kept.hits) == "work/note.md"
        assert kept.hits[0].freshness is Freshness.UNREADABLE
        files = {file.path: file for file in await client.ask(FilesRequest())}
        unreached = files["work/note.md"]
        assert unreached.state is NoteState.INDEXED and unreached.chunks
        assert "not reached by the last check" in unreached.reason
        lost_note = Target(path="work/note.md")
        why = await client.ask(DiagnosisRequest(text=QUESTION, target=lost_note))
        assert f"It failed: {roots / 'work'} cannot be listed" in why.steps[0].finding

        (roots / "away" / "note.md").write_text(PORTS.replace("2222", "2200"))
        (roots / "away").rename(roots / "work")
        await until(client, complete)
        assert "2200" in (await ask(client, QUESTION)).hits[0].snippet
        counted = (await client.ask(StatusRequest())).notes_by_root
        assert counted == {"work": 1, "team": 1, "own": 2}

        (roots / "work" / "note.md").unlink()
        emptied = await until(client, problem_of("work"))
        (said,) = (root.problem for root in emptied.roots if root.problem)
        assert f"{roots / 'work'} is empty, but 1 note of it is indexed" in said
        assert "`membrowse index --rebuild --collection ops` empties it" in said
        assert (emptied.notes, emptied.pending.total) == (4, 0)


async def test_a_stale_index_is_renewed_once_while_a_root_is_missing(roots: Path) -> None:
    async with serving(ops()) as client:
        before = await until(client, current)
    with paths.config_file().open("a") as file:
        file.write('[notes]\nencodings = { "*.txt" = "latin-1" }\n')  # shapes chunks
    (roots / "work").rename(roots / "away")
    async with serving(ops()) as client:
        renewed = await until(client, lambda state: renewed_beside(state, before.generation))
        for _ in range(2):
            asked = await client.ask(ReindexRequest())
            again = await until(client, has_started(asked.requested))
            assert (again.generation, bool(again.stale)) == (renewed.generation, True)
        (roots / "away").rename(roots / "work")
        whole = await until(client, lambda state: complete(state) and not state.stale)
        assert whole.generation == renewed.generation + 1


async def offers_filters_and_counts_places(client: EngineClient) -> None:
    values = (await client.ask(FilterValuesRequest())).values
    assert [(each.kind, each.value, each.notes) for each in values] == [
        ("root", name, 1) for name in ("work", "team", "own")
    ]
    read = await client.ask(DateReadingRequest(text="March 2026"))
    assert (read.first, read.after) == ("2026-03-01", "2026-04-01")
    request = CrowdingRequest(source=CrowdingSource.QUERY, text=QUESTION, k=3)
    crowding = await client.ask(request)
    assert (crowding.lists, crowding.places) == (1, 3)
    assert sum(root.share for root in crowding.roots) == pytest.approx(1.0)
    assert sum(root.chunk_share for root in crowding.roots) <= 1.0


async def test_roots_that_change_in_the_settings_are_noticed(roots: Path) -> None:
    async with serving(ops()) as client:
        await until(client, current)
    shutil.copytree(roots / "own", roots / "moved")
    (roots / "moved" / "note.md").write_text("# Moved\n\nPangolins sleep at noon.\n")
    (roots / "extra").mkdir()
    (roots / "extra" / "note.md").write_text("# Extra\n\nAn added root.\n")
    configure(roots, "work", "extra", own=str(roots / "moved"))
    async with serving(ops()) as client:
        after = await until(client, lambda state: current(state) and state.notes == 3)
        assert not any(root.problem for root in after.roots), "moved on purpose, not exchanged"
        assert first((await ask(client, "when do pangolins sleep?")).hits) == "own/note.md"
        hello = await client.ask(HelloRequest())
        assert hello.roots["own"] == str(roots / "moved")


async def test_an_agents_extra_paths_are_roots(roots: Path) -> None:
    memory = AgentMemory(
        id="openclaw:main",
        system="openclaw",
        folder=str(roots / "work"),
        outside=(str(roots / "team"), str(roots / "own" / "note.md"), str(roots / "work" / "x")),
    )
    profile = AgentProfile(name="main", memory=memory)
    profiles.keep(profile)
    async with serving(folder_of(profile)) as client:
        state = await until(client, current)
        assert [root.name for root in state.roots] == ["workspace", "team", "note.md"]
        assert first((await ask(client, "zephyrine lantern")).hits) == "note.md"
        assert first((await ask(client, QUESTION)).hits) == "workspace/note.md"


async def test_a_root_whose_disk_hangs_while_it_is_read_holds_up_no_other(
    roots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (roots / "team" / "log.txt").unlink()
    answers = threading.Event()

    def read_from_disk(tree: Roots, path: str, settings: NotesSettings) -> FileContent:
        if path.startswith("team/"):
            answers.wait()
        return read_file(tree, path, settings)

    monkeypatch.setattr(note_reader, "read_file", read_from_disk)
    monkeypatch.setattr(root_access, "PATIENCE", 0.2)
    memory = AgentMemory(
        id="openclaw:main",
        system="openclaw",
        folder=str(roots / "work"),
        outside=(str(roots / "team"),),
    )
    profiles.keep(AgentProfile(name="main", memory=memory))
    folder = folder_of(profiles.read("main"))
    async with engine_here(folder):
        client = await discovery.connect(folder, start=False)
        try:
            hung = await until(client, lambda state: problem_of("team")(state) and state.notes == 1)
            (said,) = (root.problem for root in hung.roots if root.problem)
            assert said == "its disk does not answer: team/note.md was not read in 0.2 s"
            (roots / "work" / "note.md").write_text(PORTS.replace("2222", "2200"))
            await until(client, lambda state: state.generation > hung.generation)
            answers.set()
            await client.ask(ReindexRequest())
            whole = await until(client, lambda state: state.notes == 2 and complete(state))
            assert whole.pending.total == 0
        finally:
            answers.set()
            await client.close()


async def test_a_collection_that_left_the_settings_is_a_problem_with_a_reason(roots: Path) -> None:
    folder = ops()
    paths.config_file().unlink()
    client = await discovery.connect(folder)
    try:
        state = await until(client, lambda state: bool(state.problem))
        assert "no collection 'ops' in the settings" in state.problem
    finally:
        await client.close()
        await discovery.stop(folder)
