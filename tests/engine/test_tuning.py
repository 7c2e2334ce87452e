"""Configurations: tried on a query, saved, and then everybody's."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from membrowse import paths
from membrowse.client import discovery
from membrowse.client.engine import EngineClient, EngineRefused
from membrowse.client.profiled_engine import ProfiledEngine
from membrowse.engine.http.peers import Rights
from membrowse.engine.http.server import application
from membrowse.engine.querying.configuration import ActiveConfiguration, ConfigurationStore
from membrowse.engine.service import Service
from membrowse.settings import Settings, saved_configurations
from membrowse.wire.agents import AgentMemory, AgentProfile
from membrowse.wire.diagnosis import DiagnosisRequest
from membrowse.wire.engine import StatesRequest
from membrowse.wire.overrides import Overrides, Value
from membrowse.wire.search import RERANKED, CutOrigin, PageRequest, Target
from membrowse.wire.tuning import (
    TUNABLE,
    ConfigurationsRequest,
    DeleteConfigurationRequest,
    SaveConfigurationRequest,
    TuneRequest,
    UseConfigurationRequest,
)
from tests.conftest import ExportedEncoder
from tests.engine.conftest import ask, called_by, current, order, until
from tests.engine.standing import client_of, standing

QUESTION = "which port does the staging pump use?"
NOTES = {
    f"note-{number:02}.md": f"# Note {number}\n\nPump {number % 7} feeds tank {number % 5} of "
    f"the {'staging' if number % 3 else 'old'} plant. {'Port ' * (number % 4)}is {number}.\n"
    for number in range(40)
}
KEYWORD_ONLY: Overrides = {"fusion.weight": 0.0, "rerank.method": "none"}


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, exported_encoder: ExportedEncoder
) -> Iterator[Path]:
    base = tmp_path_factory.mktemp("tuning")
    with standing(base, exported_encoder, NOTES, MEMBROWSE_FUSION_RRF_K="7") as folder:
        yield folder


@pytest.fixture(autouse=True)
def home(folder: Path) -> None:
    """The module's own home, instead of one for every test."""


@pytest_asyncio.fixture
async def client(folder: Path) -> AsyncIterator[EngineClient]:
    saved_configurations.configurations_file(paths.config_file()).unlink(missing_ok=True)
    async with client_of(folder) as client:
        await client.ask(ConfigurationsRequest())
        yield client


async def test_what_is_tried_is_what_saving_it_gives(client: EngineClient) -> None:
    before = await ask(client, QUESTION, limit=50)
    request = TuneRequest(text=QUESTION, overrides=KEYWORD_ONLY | {"agent.k": 2}, limit=50)
    tried = (await client.ask(request)).a
    assert order(tried.response, RERANKED) != order(before, RERANKED)
    assert (tried.agent_k, tried.agent_min_score) == (2, 0.0)
    ranks = {hit.chunk: hit.rank for hit in before.rankings[RERANKED].hits}
    shown = [hit.chunk for hit in tried.response.rankings[RERANKED].hits]
    assert {chunk: tried.saved_ranks[chunk] for chunk in shown} == ranks
    unchanged = await ask(client, QUESTION, limit=50)
    assert order(unchanged, RERANKED) == order(before, RERANKED)
    await client.ask(SaveConfigurationRequest(name="words", overrides=request.overrides))
    after = await ask(client, QUESTION, limit=50)
    assert order(after, RERANKED) == order(tried.response, RERANKED)
    assert after.settings_digest == tried.response.settings_digest != before.settings_digest


@pytest.mark.parametrize("key", ["keyword.k1", "vector.passage_weight", "keyword.weights.body"])
async def test_settings_of_the_first_rankings_are_tried_too(client: EngineClient, key: str) -> None:
    before = await ask(client, QUESTION, limit=50)
    tuned = await client.ask(TuneRequest(text=QUESTION, overrides={key: 0.0}))
    assert order(tuned.a.response, RERANKED) != order(before, RERANKED)
    await client.ask(SaveConfigurationRequest(name="zero", overrides={key: 0.0}))
    assert order(await ask(client, QUESTION, limit=50), RERANKED) == order(
        tuned.a.response, RERANKED
    )


async def test_two_configurations_are_set_side_by_side(client: EngineClient) -> None:
    request = TuneRequest(text=QUESTION, overrides=KEYWORD_ONLY, against={}, pins=True)
    tuned = await client.ask(request)
    assert tuned.b is not None
    assert order(tuned.b.response, RERANKED) == order(
        await ask(client, QUESTION, limit=50), RERANKED
    )
    assert tuned.overlap is not None
    assert 0.0 < tuned.overlap < 1.0
    alike = TuneRequest(text=QUESTION, overrides=KEYWORD_ONLY, against=KEYWORD_ONLY)
    assert (await client.ask(alike)).overlap == pytest.approx(1.0)
    alone = await client.ask(TuneRequest(text=QUESTION, overrides={}))
    assert (alone.b, alone.overlap) == (None, None)


async def test_a_recall_that_was_tried_has_pages_target_and_tracked_chunks(
    client: EngineClient,
) -> None:
    chunk = (await ask(client, QUESTION, limit=50)).rankings[RERANKED].hits[7].chunk
    target = Target(path="note-05.md")
    request = TuneRequest(
        text=QUESTION, overrides=KEYWORD_ONLY, limit=3, track=(chunk,), target=target, number=9
    )
    recall = (await client.ask(request)).a.response
    assert (len(recall.rankings[RERANKED].hits), recall.number) == (3, 9)
    page = PageRequest(response=recall.id, ranking=RERANKED, offset=3, limit=3)
    assert [hit.rank for hit in (await client.ask(page)).hits] == [4, 5, 6]
    assert recall.tracked[chunk].chunk == chunk
    assert recall.target is not None
    assert recall.target.hit is not None
    assert recall.target.hit.path == "note-05.md"


@pytest.mark.parametrize(
    ("key", "value"), [("fusion.weight", 1.5), ("fusion.wait", 1), ("notes.max_bytes", 9)]
)
async def test_what_cannot_be_set_is_refused_with_the_key(
    client: EngineClient, key: str, value: Value
) -> None:
    with pytest.raises(EngineRefused, match=key) as raised:
        await client.ask(TuneRequest(text=QUESTION, overrides={key: value}))
    assert (raised.value.status, raised.value.problem.kind) == (400, "settings")
    with pytest.raises(EngineRefused, match=key):
        await client.ask(SaveConfigurationRequest(name="bad", overrides={key: value}))
    assert (await client.ask(ConfigurationsRequest())).saved == ()


async def test_every_client_sees_what_is_saved_used_and_forgotten(
    client: EngineClient, folder: Path
) -> None:
    async with client_of(folder) as other:
        first = await until(other, lambda state: state.configuration == "")
        saved = await client.ask(
            SaveConfigurationRequest(name="wide", overrides={"agent.k": 9, "rerank.blend": 0.9})
        )
        assert (saved.in_force, saved.current["agent.k"]) == ("wide", 9)
        assert set(saved.current) == set(saved.base) == set(TUNABLE)
        assert saved.base["agent.k"] == 5
        state = await until(other, lambda state: state.configuration == "wide")
        assert state.agent_k == 9
        assert state.settings_digest != first.settings_digest
        reset = await client.ask(UseConfigurationRequest(name=""))
        assert (reset.in_force, reset.current) == ("", reset.base)
        assert [each.name for each in reset.saved] == ["wide"]
        state = await until(other, lambda state: state.configuration == "")
        assert (state.agent_k, state.settings_digest) == (5, first.settings_digest)
        await client.ask(UseConfigurationRequest(name="wide"))
        forgotten = await client.ask(DeleteConfigurationRequest(name="wide"))
        assert (forgotten.in_force, forgotten.saved) == ("", ())
        await until(other, lambda state: state.configuration == "" and state.agent_k == 5)
        with pytest.raises(EngineRefused, match="wide"):
            await client.ask(UseConfigurationRequest(name="wide"))


async def test_an_environment_variable_goes_before_a_saved_configuration(
    client: EngineClient,
) -> None:
    overrides: Overrides = {"fusion.rrf_k": 99, "agent.k": 3}
    told = await client.ask(SaveConfigurationRequest(name="mine", overrides=overrides))
    assert "fusion.rrf_k" in told.fixed
    assert (told.current["fusion.rrf_k"], told.current["agent.k"]) == (7, 3)


async def test_what_another_process_saves_is_taken_over_with_the_next_question(
    client: EngineClient,
) -> None:
    before = await ask(client, QUESTION, limit=50)
    file = saved_configurations.configurations_file(paths.config_file())
    saved_configurations.save_configuration(file, "theirs", {"fusion.weight": 0.1})
    assert (await ask(client, QUESTION, limit=50)).settings_digest != before.settings_digest
    file.write_text("{")
    assert (await ask(client, QUESTION, limit=50)).settings_digest == before.settings_digest
    state = await until(client, lambda state: bool(state.problem))
    assert str(file) in state.problem
    file.unlink()
    await ask(client, QUESTION, limit=50)
    await until(client, lambda state: not state.problem)


def test_a_cut_that_is_set_to_the_default_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_set() -> bool:
        store = ConfigurationStore(ActiveConfiguration(Settings()), file, lambda: None)
        return store.cut_set

    file = tmp_path / "tunings.json"
    assert not cut_set()
    with monkeypatch.context() as environment:
        environment.setenv("MEMBROWSE_AGENT_K", "5")
        assert cut_set()
    saved_configurations.save_configuration(file, "agent", {"agent.k": 5})
    assert cut_set()
    file.unlink()
    config = paths.config_file()
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("[agent]\nmin_score = 0.0\n")
    assert cut_set()


def test_a_later_start_puts_in_force_what_was_saved(tmp_path: Path) -> None:
    file = tmp_path / "tunings.json"
    saved_configurations.save_configuration(
        file, "sharp", {"rerank.blend": 0.9, "fusion.rrf_k": 99}
    )
    told: list[str] = []
    configuration = ActiveConfiguration(Settings())
    saved = ConfigurationStore(configuration, file, lambda: told.append("changed"))
    assert (saved.name, saved.problem, told) == ("sharp", "", [])
    assert configuration.settings.rerank.blend == 0.9
    assert configuration.settings.fusion.rrf_k == Settings().fusion.rrf_k  # the variable's
    saved.refresh()
    assert told == [], "nothing is told that was so from the start"
    saved_configurations.save_configuration(file, "odd", {"rerank.blend": 9})
    saved.refresh()
    assert (saved.name, told) == ("", ["changed"])
    assert "'odd'" in saved.problem
    assert configuration.settings == Settings()


async def test_an_engine_begins_with_what_was_saved_before_it(folder: Path) -> None:
    saved_configurations.save_configuration(
        saved_configurations.configurations_file(paths.config_file()), "sharp", {"agent.k": 3}
    )
    await discovery.stop(folder)
    async with client_of(folder) as client:
        state = await until(client, lambda state: current(state) or bool(state.problem))
        assert (state.problem, state.configuration, state.agent_k) == ("", "sharp", 3)


async def test_who_may_only_read_cannot_save(folder: Path) -> None:
    asgi = application(Service(folder, Settings(), idle_seconds=0), Rights())
    stranger = called_by(asgi, os.getuid() + 1)
    async with httpx.AsyncClient(transport=stranger, base_url="http://engine") as client:
        for path in ("/configurations/save", "/configurations/use", "/pins/add", "/pins/remove"):
            refused = await client.post(path, json={"name": "x", "overrides": {}})
            assert refused.status_code == 403


def profile_of(overrides: Overrides) -> AgentProfile:
    return AgentProfile(name="x", memory=AgentMemory(id="x", system="x", settings=overrides))


async def test_agents_of_one_folder_are_answered_by_their_own_profiles(
    client: EngineClient,
) -> None:
    plain = await ask(client, QUESTION, limit=50)
    target = Target(path="note-01.md")
    vector_only: Overrides = {"fusion.weight": 1.0}
    for k, overrides in ((2, KEYWORD_ONLY), (9, vector_only)):
        agent = ProfiledEngine(client, profile_of(overrides | {"agent.k": k}))
        answered = await ask(agent, QUESTION, limit=50, target=target)
        assert answered.target is not None
        assert (answered.target.k, answered.target.cut) == (k, CutOrigin.AGENT)
        diagnosis = await agent.ask(DiagnosisRequest(text=QUESTION, target=target))
        assert diagnosis.k == k
        tried = await client.ask(TuneRequest(text=QUESTION, overrides=overrides, limit=50))
        assert order(answered, RERANKED) == order(tried.a.response, RERANKED)
        assert order(answered, RERANKED) != order(plain, RERANKED)
        async for state in agent.stream(StatesRequest()):
            assert (state.agent_k, state.generation) == (k, plain.generation)
            break
    assert order(await ask(client, QUESTION, limit=50), RERANKED) == order(plain, RERANKED)


async def test_a_profile_that_would_shape_the_index_is_refused(client: EngineClient) -> None:
    agent = ProfiledEngine(client, profile_of({"encoder.model": "other"}))
    with pytest.raises(EngineRefused, match=r"encoder\.model") as refused:
        await ask(agent, QUESTION)
    assert refused.value.status == 400


async def test_the_environment_outranks_a_profile(client: EngineClient) -> None:
    overrides: Overrides = {"fusion.method": "rrf", "fusion.rrf_k": 1000}
    agent = ProfiledEngine(client, profile_of(overrides))
    tried = await client.ask(TuneRequest(text=QUESTION, overrides={"fusion.method": "rrf"}))
    answered = await ask(agent, QUESTION, limit=50)
    assert order(answered, RERANKED) == order(tried.a.response, RERANKED)
