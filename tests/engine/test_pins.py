"""Pins: run after every change of the index, and found again whatever happens to the note."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path

import pytest
import pytest_asyncio

from membrowse import paths
from membrowse.client import discovery
from membrowse.client.engine import EngineClient, EngineRefused
from membrowse.wire.engine import EngineState, RebuildRequest, ReindexRequest
from membrowse.wire.overrides import Overrides
from membrowse.wire.pins import (
    AddPinRequest,
    Pin,
    PinRun,
    PinsRequest,
    RemovePinRequest,
    pin_line,
)
from membrowse.wire.search import RANKINGS, RERANKED, Filters, Target
from membrowse.wire.tuning import SaveConfigurationRequest, TuneRequest, UseConfigurationRequest
from tests.conftest import ExportedEncoder
from tests.engine.conftest import ask, at, current, save, until
from tests.engine.standing import client_of, standing, write

QUESTION = "where does staging accept ssh connections?"
PLAIN = "# Staging\n\nThe shell of the test machine is reached by gate number 2222.\n"
NAMED = "# Staging\n\nStaging accepts ssh connections on port 2222 of the test machine.\n"
NOTES = {
    "staging.md": PLAIN,
    "two.md": "# Two\n\nSoup is eaten on rainy days.\n\n## Drink\n\nTea is made at four.\n",
    **{
        f"log-{day:02}.md": f"# Day {day}\n\nStaging was restarted; ssh connections number {day} "
        "were accepted again.\n"
        for day in range(1, 13)
    },
}


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, exported_encoder: ExportedEncoder
) -> Iterator[Path]:
    with standing(tmp_path_factory.mktemp("pins"), exported_encoder, NOTES) as folder:
        yield folder


@pytest.fixture(autouse=True)
def home(folder: Path) -> None:
    """The module's own home, instead of one for every test."""


@pytest_asyncio.fixture
async def client(folder: Path) -> AsyncIterator[EngineClient]:
    """A client of an engine whose index holds `NOTES`, without pins."""
    for file in (folder / "golden.jsonl", paths.pin_file(folder)):
        file.unlink(missing_ok=True)
    changed = {path for path, text in NOTES.items() if (folder / path).read_text() != text}
    write(folder, {path: NOTES[path] for path in changed})
    async with client_of(folder) as client:
        await client.ask(ReindexRequest(paths=tuple(changed)))
        await until(client, lambda state: settled(state) and state.started >= state.requested)
        assert (await client.ask(PinsRequest())).total == 0
        yield client


def settled(state: EngineState) -> bool:
    """Everything is indexed, and the pins were run over it."""
    ran = state.pins.generation == state.generation and not state.pins.running
    return current(state) and ran


async def saved(client: EngineClient, file: Path, text: str) -> EngineState:
    """The state after an edit, with the pins run."""
    before = await until(client, settled)
    save(file, text)
    return await until(client, lambda state: at(before.generation)(state) and settled(state))


def only(run: PinRun) -> tuple[int | None, int | None, bool]:
    (result,) = run.results
    return result.before, result.rank, result.passes


async def test_pin_edit_save_see(client: EngineClient, folder: Path) -> None:
    request = AddPinRequest(text=QUESTION, target=Target(path="staging.md", line=3), k=1)
    run = await client.ask(request)
    (result,) = run.results
    assert (result.pin.path, result.pin.k, result.pin.query) == ("staging.md", 1, QUESTION)
    assert result.pin.text == "The shell of the test machine is reached by gate number 2222."
    recall = await ask(client, QUESTION, limit=50)
    (hit,) = [hit for hit in recall.rankings[RERANKED].hits if hit.path == "staging.md"]
    assert (result.rank, result.ranks) == (hit.rank, hit.ranks)
    assert result.rank is not None
    assert result.rank > 1
    assert not result.passes
    assert run.file == str(paths.pin_file(folder))
    assert not (folder / "golden.jsonl").exists()
    state = await until(client, lambda state: state.pins.total == 1)
    assert (state.pins.passing, state.pins.moved) == (0, ())
    state = await saved(client, folder / "staging.md", NAMED)
    assert (state.pins.passing, state.pins.running) == (1, False)
    assert state.pins.moved == (
        f"where does staging accept ssh connectio…: staging.md #{result.rank} → #1",
    )
    after = await client.ask(PinsRequest())
    assert only(after) == (result.rank, 1, True)
    assert after.results[0].history == (result.rank, 1)
    assert (after.results[0].chunk, after.results[0].problem) != (result.chunk, "")


async def test_a_text_that_was_edited_away_is_followed_to_its_successor(
    client: EngineClient, folder: Path
) -> None:
    target = Target(path="two.md", text="soup is  EATEN")
    (result,) = (await client.ask(AddPinRequest(text="food?", target=target))).results
    assert result.pin.text == "soup is  EATEN"
    changed = NOTES["two.md"].replace("Soup is eaten on rainy days.", "Stew warms when it is wet.")
    await saved(client, folder / "two.md", changed)
    (after,) = (await client.ask(PinsRequest())).results
    assert (after.problem, after.rank is None) == ("", False)
    assert after.chunk != result.chunk
    hits = (await ask(client, "food?", limit=50)).rankings[RERANKED].hits
    (hit,) = [hit for hit in hits if hit.chunk == after.chunk]
    assert (hit.path, hit.rank) == ("two.md", after.rank)
    assert "Stew" in hit.snippet


async def test_a_text_that_never_was_there_leaves_the_notes_best_chunk(
    client: EngineClient, folder: Path
) -> None:
    pins = (
        Pin(id="a", query="tea at four", path="two.md", text="coffee at five"),
        Pin(id="b", query="tea at four", path="gone.md"),
        Pin(id="c", query="tea at four", path="two.md", text="rainy days. ## drink tea is made"),
        Pin(id="d", query="tea at four", path="two.md"),
    )
    content = b"\n".join(map(pin_line, pins)).decode()
    run = await client.ask(PinsRequest(content=content))
    gone, missing, split, whole = run.results
    assert (gone.rank, gone.passes) == (None, False)
    assert "#1" in gone.problem
    assert gone.chunk == whole.chunk
    assert (missing.rank, missing.chunk) == (None, "")
    assert "gone.md" in missing.problem
    assert (split.rank, split.problem) == (1, "")
    assert whole.ranks == dict.fromkeys(RANKINGS, 1)
    assert run.measures[RERANKED].recall_at_1 == run.measures["keyword"].mrr == 0.5
    assert not (folder / "golden.jsonl").exists()


async def test_history_and_successors_outlive_engine_and_index(
    client: EngineClient, folder: Path
) -> None:
    await client.ask(AddPinRequest(text=QUESTION, target=Target(path="staging.md", line=1)))
    await saved(client, folder / "staging.md", NAMED)
    before = (await client.ask(PinsRequest())).results[0]
    await client.close()
    await discovery.stop(folder)
    async with client_of(folder) as client:
        await until(client, lambda state: settled(state) and state.pins.total == 1)
        again = (await client.ask(PinsRequest())).results[0]
        assert (again.history, again.before) == (before.history, before.before)
        await client.ask(RebuildRequest())
        await until(client, lambda s: settled(s) and s.started >= s.requested and s.pins.total == 1)
        rebuilt = (await client.ask(PinsRequest())).results[0]
        assert rebuilt.history[: len(before.history)] == before.history
        assert (rebuilt.rank, rebuilt.problem) == (before.rank, "")
    database = paths.index_dir(folder) / "pins.sqlite"
    assert database.stat().st_mode & 0o777 == 0o600


async def test_lines_that_are_no_pins_are_told_and_kept(client: EngineClient, folder: Path) -> None:
    file = folder / "golden.jsonl"
    file.write_text('nonsense\n{"query": "tea?", "path": "two.md", "note": "mine"}\n{"query": 1}')
    run = await client.ask(PinsRequest())
    assert (run.total, len(run.problems)) == (1, 2)
    assert run.problems[0].startswith("line 1: ")
    filters = Filters(after="last year")
    wanted = AddPinRequest(text="soup?", target=Target(path="two.md"), filters=filters)
    run = await client.ask(wanted)
    kept = run.results[1].pin.filters.after
    assert kept == f"{date.today().year - 1}-01-01", "the day that the words mean now"
    assert (run.total, len(run.problems)) == (2, 2)
    assert json.loads(file.read_text().splitlines()[3])["query"] == "soup?"
    run = await client.ask(RemovePinRequest(id=run.results[0].pin.id))
    assert [result.pin.query for result in run.results] == ["soup?"]
    assert file.read_text().splitlines()[:2] == ["nonsense", '{"query": 1}']
    again = await client.ask(wanted)
    assert again.total == 1
    with pytest.raises(EngineRefused, match="nobody") as raised:
        await client.ask(RemovePinRequest(id="nobody"))
    assert raised.value.status == 404
    with pytest.raises(EngineRefused, match="nowhere.md"):
        await client.ask(AddPinRequest(text="tea", target=Target(path="nowhere.md")))


async def test_the_pins_of_another_file_are_run_and_not_remembered(
    client: EngineClient, folder: Path
) -> None:
    line = '{"query": "tea?", "path": "two.md"}\n'
    run = await client.ask(PinsRequest(file="others.jsonl", content=f"{line}what\n"))
    assert (run.total, run.results[0].history, run.file) == (1, (), "others.jsonl")
    assert len(run.problems) == 1 and run.problems[0].startswith("line 2: ")
    assert (await client.ask(PinsRequest())).total == 0


async def test_a_configuration_tells_its_pins_before_and_after_it_is_saved(
    client: EngineClient,
) -> None:
    for path in ("two.md", "log-03.md", "staging.md"):
        for query in (QUESTION, "tea and soup", "day 3"):
            await client.ask(AddPinRequest(text=query, target=Target(path=path), k=2))
    before = await until(client, lambda state: state.pins.total == 9)
    tried: tuple[Overrides, ...] = (
        {"fusion.weight": 0.0, "rerank.method": "none"},
        {"fusion.weight": 1.0, "rerank.pool": 1},
        {"fusion.method": "rrf", "rerank.blend": 0.0},
        {"vector.passage_weight": 0.0, "keyword.k1": 0.0},
    )
    for overrides in tried:
        tuned = await client.ask(TuneRequest(text="tea", overrides=overrides, pins=True))
        assert tuned.a.pins == 9
        await client.ask(SaveConfigurationRequest(name="tried", overrides=overrides))
        run = await client.ask(PinsRequest())
        assert (run.passing, run.total) == (tuned.a.passing, 9)
        assert run.settings_digest == tuned.a.response.settings_digest
    await client.ask(UseConfigurationRequest(name=""))
    run = await client.ask(PinsRequest())
    assert run.passing == before.pins.passing


async def test_pins_that_cannot_be_read_are_told(client: EngineClient, folder: Path) -> None:
    (folder / "golden.jsonl").mkdir()
    try:
        run = await client.ask(PinsRequest())
        assert "golden.jsonl: it is not a regular file" in run.problems[0]
        await until(client, lambda state: state.pins.problem == run.problems[0])
    finally:
        (folder / "golden.jsonl").rmdir()
    await client.ask(PinsRequest())
    await until(client, lambda state: not state.pins.problem)
