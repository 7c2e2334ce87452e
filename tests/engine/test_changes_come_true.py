"""What is promised comes true: offered changes, made for real on notes of the demo memory."""

from __future__ import annotations

import json
import math
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from membrowse.client.diagnosis import diagnose
from membrowse.client.engine import EngineClient
from membrowse.engine.handlers.why import suggest
from membrowse.engine.handlers.why.suggestions.settings import nearest_value_that_works
from membrowse.settings import EngineSettings, Settings
from membrowse.wire.diagnosis import DiagnosisReport, DiagnosisRequest, Suggestion, SuggestionKind
from membrowse.wire.engine import ReindexRequest
from membrowse.wire.pins import PinsRequest
from membrowse.wire.search import RERANKED, Target
from membrowse.wire.tuning import SaveConfigurationRequest, UseConfigurationRequest
from tests.conftest import ExportedEncoder
from tests.engine.conftest import ask, current, engine_here, until
from tests.engine.standing import at_home, client_of

DEMO = Path(__file__).parents[2] / "assets" / "demo-memory"
PAIRS = 15
K = 3
NOTES = 16
SEED = 11


@pytest.fixture(scope="module", autouse=True)
def home(
    tmp_path_factory: pytest.TempPathFactory, exported_encoder: ExportedEncoder
) -> Iterator[Path]:
    """One home for all tests of this module."""
    with at_home(tmp_path_factory.mktemp("promises"), exported_encoder) as path:
        yield path


@pytest.fixture(scope="module")
def golden() -> list[dict[str, str]]:
    return [json.loads(line) for line in (DEMO / "golden.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def folder(home: Path, golden: list[dict[str, str]]) -> Path:
    """Some notes of the demo memory, with the golden questions that they answer as pins."""
    path = home.parent / "notes"
    every = sorted(note.relative_to(DEMO) for note in DEMO.rglob("*.md"))
    chosen = random.Random(SEED).sample(every, NOTES)
    for note in chosen:
        (path / note).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DEMO / note, path / note)
    names = {note.as_posix() for note in chosen}
    pins = [json.dumps(line) for line in golden if line["path"] in names]
    assert len(pins) >= 4
    (path / "golden.jsonl").write_text("\n".join(pins) + "\n")
    return path


async def pairs(
    client: EngineClient, golden: list[dict[str, str]]
) -> AsyncIterator[tuple[str, Target]]:
    """Random questions with a chunk that they nearly bring into the top k, or with its note."""
    drawn = random.Random(SEED)
    for number in range(PAIRS):
        query = drawn.choice(golden)["query"]
        hits = (await ask(client, query, limit=K + 8)).rankings[RERANKED].hits
        hit = drawn.choice(hits[K:])
        yield query, Target(path=hit.path, line=hit.start_line if number % 4 else None)


async def rank_of(client: EngineClient, text: str, target: Target) -> int | None:
    expected = (await ask(client, text, target=target, limit=1)).target
    return expected.hit.ranks[RERANKED] if expected is not None and expected.hit else None


async def held(client: EngineClient) -> dict[str, bool]:
    """The folder's pins as they stand now."""
    return {result.pin.id: result.passes for result in (await client.ask(PinsRequest())).results}


async def indexed(client: EngineClient) -> None:
    asked = (await client.ask(ReindexRequest())).requested
    await until(client, lambda state: current(state) and state.started >= asked)


@asynccontextmanager
async def made(client: EngineClient, folder: Path, change: Suggestion) -> AsyncIterator[None]:
    """The change, as a person would make it; taken back afterwards."""
    if change.kind is SuggestionKind.SETTING:
        await client.ask(SaveConfigurationRequest(name="promised", overrides=change.settings))
        try:
            yield
        finally:
            await client.ask(UseConfigurationRequest(name=""))
    elif change.edit is not None:
        file = folder / change.edit.path
        before = file.read_text()
        lines = before.split("\n")
        assert lines[change.edit.line - 1] == change.edit.before
        lines[change.edit.line - 1] = change.edit.after
        file.write_text("\n".join(lines))
        await indexed(client)
        try:
            yield
        finally:
            file.write_text(before)
            await indexed(client)
    else:
        yield


async def check(
    client: EngineClient, folder: Path, told: DiagnosisReport, change: Suggestion
) -> None:
    before = await held(client)
    async with made(client, folder, change):
        rank = await rank_of(client, change.query or told.query, told.target)
        assert rank == change.rank <= told.k, (told.query, told.target, change)
        if change.kind is not SuggestionKind.QUERY:
            after = await held(client)
            assert change.pins == len(before) == len(after)
            assert set(change.broken) == {pin for pin in before if before[pin] and not after[pin]}
            assert set(change.fixed) == {pin for pin in before if after[pin] and not before[pin]}


async def test_every_offered_change_gives_the_rank_it_promises(
    folder: Path, golden: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggest, "SECONDS", math.inf)  # everything is tried, however long it takes
    settings = Settings(engine=EngineSettings(settle_ms=20))
    made_of: Counter[SuggestionKind] = Counter()
    async with (
        engine_here(folder, settings=settings),
        client_of(folder, when=current) as client,
    ):
        async for query, target in pairs(client, golden):
            told = await diagnose(client, DiagnosisRequest(text=query, target=target, k=K))
            assert told.verdict and len(told.steps) == 8
            assert told.in_top_k is not bool(told.tried)
            for change in told.suggestions:
                made_of[change.kind] += 1
                await check(client, folder, told, change)
    assert all(made_of[kind] >= 3 for kind in SuggestionKind), made_of


def test_the_nearest_value_that_works_is_found_on_either_side() -> None:
    shares = [step / 20 for step in range(21)]
    assert nearest_value_that_works(0.5, shares, lambda value: value >= 0.62) == 0.62
    assert nearest_value_that_works(0.5, shares, lambda value: value <= 0.333) == 0.33
    assert (
        nearest_value_that_works(0.5, shares, lambda value: value <= 0.2 or value >= 0.77) == 0.77
    )
    assert nearest_value_that_works(0.537, shares, lambda value: value >= 0.541) == 0.55
    assert nearest_value_that_works(50, (1, 5, 20, 50, 80, 200), lambda value: value >= 63) == 63
    assert nearest_value_that_works(50, (1, 5, 20, 50, 80, 200), lambda value: value < 3) == 2
    assert nearest_value_that_works(0.5, shares, lambda value: False) is None
