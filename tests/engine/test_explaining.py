"""What an engine says of chunks, over its socket: explained, compared, measured."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from membrowse.client.engine import EngineClient, EngineRefused
from membrowse.wire.comparison import CompareRequest
from membrowse.wire.engine import WatchRequest
from membrowse.wire.explanation import ExplainRequest, Explanation, SpellingRequest
from membrowse.wire.notes import Freshness
from membrowse.wire.rank_flow import RankFlowRequest
from membrowse.wire.search import FUSED, KEYWORD, RANKINGS, RERANKED, VECTOR, Target
from membrowse.wire.tokens import TokensRequest
from tests.conftest import ExportedEncoder
from tests.engine.conftest import ask, eventually
from tests.engine.standing import client_of, standing

QUESTION = "which port does staging ssh use?"
NOTES = {
    "ports.md": "---\ntitle: Ports\ndate: 2026-03-02\n---\n\n# Ports\n\nStaging ssh listens on "
    "port 2222 behind the bastion.\n\n## Web\n\nCaddy answers on 443.\n",
    "old/ports.md": "---\ntitle: Ports\ndate: 2025-03-02\n---\n\n# Ports\n\nStaging ssh listens on "
    "port 22 behind the bastion.\n",
    "food.md": "# Food\n\nThe maintainer likes soup on rainy days.\n",
    "k8s.md": "# Cluster\n\nThe k8s cluster runs `deploy_all.sh` every night.\n",
    "[red].md": "# \x1b[31mred\n\nA note \u202e of [/red] markup about staging.\n",
} | {f"log-{n:02}.md": f"# Log {n}\n\nPump {n % 7} feeds tank {n % 5}.\n" for n in range(20)}


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, exported_encoder: ExportedEncoder
) -> Iterator[Path]:
    base = tmp_path_factory.mktemp("explaining")
    with standing(base, exported_encoder, NOTES) as folder:
        yield folder


@pytest.fixture(autouse=True)
def home(folder: Path) -> None:
    """The module's own home, instead of one for every test."""


@pytest_asyncio.fixture
async def client(folder: Path) -> AsyncIterator[EngineClient]:
    async with client_of(folder) as client:
        yield client


async def explained(client: EngineClient, path: str, text: str = QUESTION) -> Explanation:
    return await client.ask(ExplainRequest(text=text, target=Target(path=path)))


async def test_an_explanation_agrees_with_the_recall(client: EngineClient) -> None:
    recall = await ask(client, QUESTION)
    for hit in recall.rankings[RERANKED].hits[:5]:
        found = await client.ask(ExplainRequest(text=QUESTION, chunk=hit.chunk))
        assert found.hit.ranks == hit.ranks
        assert found.hit.rank == hit.rank
        assert found.hit.scores == pytest.approx(hit.scores)
        assert found.reranked.score == pytest.approx(hit.scores[RERANKED])
        assert found.fused.score == pytest.approx(hit.scores[FUSED])
        assert found.keyword.score == pytest.approx(hit.scores[KEYWORD] or found.keyword.score)
        assert found.vector.score == pytest.approx(hit.scores[VECTOR])
        assert sum(token.contribution for token in found.reranked.tokens) == pytest.approx(
            found.reranked.raw, abs=1e-6
        )
        assert found.took_ms.keys() == {*RANKINGS, "explain"}
        assert found.indexed.freshness is Freshness.CURRENT
        assert found.indexed.diff == ()
        assert (found.indexed.generation, found.indexed.indexed_at) == (
            recall.generation,
            hit.indexed_at,
        )


async def test_hnsw_is_asked_once_chroma_is_open(client: EngineClient) -> None:
    async def asked() -> bool:
        return (await explained(client, "ports.md")).vector.hnsw_asked > 0

    await eventually(asked)
    found = (await explained(client, "ports.md")).vector
    assert (found.hnsw_rank, found.hnsw_missed) == (found.hnsw_exact_rank, False)


async def test_the_best_chunk_of_a_place_is_explained(client: EngineClient) -> None:
    found = await explained(client, "ports.md")
    assert (found.hit.path, found.hit.rank) == ("ports.md", 1)
    assert found.reranked.tokens
    assert found.heat
    with pytest.raises(EngineRefused, match="never.md") as raised:
        await explained(client, "never.md")
    assert raised.value.status == 404
    with pytest.raises(EngineRefused, match="no longer in the index"):
        await client.ask(ExplainRequest(text=QUESTION, chunk="gone"))


async def test_what_is_hostile_in_a_note_comes_as_it_is_written(client: EngineClient) -> None:
    found = await explained(client, "[red].md", "\x1b[31m staging [/red] \u202e")
    assert "[/red]" in found.text
    assert "\u202e" in found.text


async def test_a_file_that_changed_is_told_with_its_difference(
    client: EngineClient, folder: Path
) -> None:
    note = folder / "food.md"
    await client.ask(WatchRequest(paused=True))
    try:
        note.write_text(NOTES["food.md"].replace("soup", "bread"))
        found = (await explained(client, "food.md", "soup")).indexed
        assert found.freshness is Freshness.CHANGED
        assert found.diff == (
            "@@ -1,3 +1,3 @@",
            " # Food",
            " ",
            "-The maintainer likes soup on rainy days.",
            "+The maintainer likes bread on rainy days.",
        )
        note.unlink()
        found = (await explained(client, "food.md", "soup")).indexed
        assert (found.freshness, found.diff) == (Freshness.DELETED, ())
    finally:
        note.write_text(NOTES["food.md"])
        await client.ask(WatchRequest(paused=False))


async def test_the_flow_goes_through_all_rankings(client: EngineClient) -> None:
    recall = await ask(client, QUESTION)
    found = await client.ask(RankFlowRequest(text=QUESTION, depth=3))
    assert found.rankings == RANKINGS
    top = {hit.chunk for name in RANKINGS for hit in recall.rankings[name].hits[:3]}
    assert {flow.chunk for flow in found.flows} == top
    by_chunk = {hit.chunk: hit.ranks for hit in recall.rankings[RERANKED].hits}
    assert all(flow.ranks == by_chunk[flow.chunk] for flow in found.flows)


async def test_near_spellings_are_of_words_that_match_nothing(client: EngineClient) -> None:
    found = await client.ask(SpellingRequest(text="stagging portt of the clusters zzzzzz"))
    assert {spelling.typed: spelling.near[0] for spelling in found} == {
        "stagging": "staging",
        "portt": "port",
    }
    assert await client.ask(SpellingRequest(text="staging port")) == []


async def test_two_chunks_are_set_apart(client: EngineClient) -> None:
    left = await explained(client, "ports.md")
    request = CompareRequest(text=QUESTION, left=left.hit.chunk, right=Target(path="food.md"))
    found = await client.ask(request)
    assert (found.left.hit.path, found.right.hit.path) == ("ports.md", "food.md")
    assert found.verdict.startswith(f"ports.md:{left.hit.start_line} is #1, ")
    assert "bastion" in found.only_left
    assert "soup" in found.only_right
    assert [copy.path for copy in found.near_duplicates] == ["old/ports.md"]
    assert found.near_duplicates[0].of == "left"
    with pytest.raises(EngineRefused, match="never.md"):
        await client.ask(
            CompareRequest(text=QUESTION, left=left.hit.chunk, right=Target(path="never.md"))
        )


async def test_a_text_lies_beside_both_rulers(client: EngineClient) -> None:
    chunk = (await explained(client, "k8s.md", "cluster")).hit.chunk
    found = (await client.ask(TokensRequest(text="the k8s", chunk=chunk))).texts
    assert [ruler.label for ruler in found] == ["query", "k8s.md:1"]
    assert [piece.piece for piece in found[0].pieces] == ["the", "k", "##8", "##s"]
    assert [(word.term, word.stop_word) for word in found[0].tokens] == [
        ("the", True),
        ("k8s", False),
    ]
    assert found[0].tokens[1].df == 1
    assert (found[0].count, found[0].window) == (6, 256)
    only = (await client.ask(TokensRequest(text="port"))).texts
    assert [ruler.label for ruler in only] == ["query"]
    with pytest.raises(EngineRefused, match="no longer in the index"):
        await client.ask(TokensRequest(chunk="gone"))
