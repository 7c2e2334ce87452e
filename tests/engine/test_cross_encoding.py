"""A local CrossEncoder as the reranker of a real engine: explained, and diagnosed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from membrowse.client.diagnosis import diagnose
from membrowse.client.engine import EngineClient
from membrowse.wire.diagnosis import DiagnosisRequest, Outcome, StepName
from membrowse.wire.explanation import ExplainRequest
from membrowse.wire.search import FUSED, RERANKED, RankingState, Target
from tests.conftest import ExportedEncoder
from tests.encoding.tiny_models import save_tiny_cross_encoder
from tests.engine.conftest import ask
from tests.engine.standing import client_of, standing

POOL = 8
QUERY = "which pump feeds tank 3?"
NOTES = {
    f"log-{number:02}.md": f"# Log {number}\n\nPump {number % 7} feeds tank {number % 5}.\n"
    for number in range(12)
} | {"ports.md": "# Ports\n\nStaging ssh listens on port 2222.\n"}


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, exported_encoder: ExportedEncoder
) -> Iterator[Path]:
    base = tmp_path_factory.mktemp("crossing")
    model = save_tiny_cross_encoder(base / "tiny-cross")
    variables = {
        "MEMBROWSE_RERANK_METHOD": "cross-encoder",
        "MEMBROWSE_RERANK_MODEL": str(model),
    }
    with standing(base, exported_encoder, NOTES, **variables, MEMBROWSE_RERANK_POOL="8") as folder:
        yield folder


@pytest.fixture(autouse=True)
def home(folder: Path) -> None:
    """The module's own home, instead of one for every test."""


@pytest_asyncio.fixture
async def client(folder: Path) -> AsyncIterator[EngineClient]:
    async with client_of(folder) as client:
        yield client


async def test_a_hit_is_explained_by_the_cross_encoders_score(client: EngineClient) -> None:
    recall = await ask(client, QUERY)
    ranking = recall.rankings[RERANKED]
    assert (ranking.state, ranking.message, ranking.pool) == (RankingState.READY, "", POOL)
    for hit in ranking.hits[:POOL]:
        found = await client.ask(ExplainRequest(text=QUERY, chunk=hit.chunk))
        reranked = found.reranked
        assert (reranked.method, reranked.in_pool, reranked.tokens) == ("cross-encoder", True, ())
        assert reranked.rank == hit.rank == found.hit.ranks[RERANKED]
        assert reranked.raw is not None and reranked.low <= reranked.raw <= reranked.high
        assert reranked.low < reranked.high
        assert reranked.contribution + reranked.fused_contribution == pytest.approx(hit.score)
        assert reranked.score == pytest.approx(hit.scores[RERANKED])
        assert reranked.blend_used == reranked.blend_set
        assert found.fused.score == pytest.approx(hit.scores[FUSED])
        assert found.heat
    beyond = await client.ask(ExplainRequest(text=QUERY, chunk=ranking.hits[POOL].chunk))
    assert not beyond.reranked.in_pool and beyond.reranked.raw is None


async def test_a_demotion_by_the_cross_encoder_is_diagnosed(client: EngineClient) -> None:
    hits = (await ask(client, QUERY)).rankings[RERANKED].hits[:POOL]
    hit = max(hits, key=lambda hit: hit.rank - (hit.ranks[FUSED] or 0))
    before = hit.ranks[FUSED]
    assert before is not None and before < hit.rank
    told = await diagnose(
        client, DiagnosisRequest(text=QUERY, target=Target(path=hit.path), k=before)
    )
    rung = next(rung for rung in told.steps if rung.name is StepName.RERANKED)
    assert rung.outcome is Outcome.FAILS and rung.rank == hit.rank
    assert f"from #{before} to #{hit.rank}" in told.verdict
    assert "through" not in told.verdict
    assert rung.evidence[0].startswith("cross-encoder: ")
    assert told.suggestions and all(change.rank <= before for change in told.suggestions)
