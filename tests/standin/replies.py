"""Recorded replies: records with figures that do not change, for tests of what is shown.

The larger ones are in `replies.json`, as an engine writes them. Every function makes a record, but
for `changes`.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from membrowse.wire.diagnosis import Diagnosis, DiagnosisReport, Suggestions
from membrowse.wire.engine import (
    EngineInfo,
    EngineState,
    IndexChange,
    RebuildRequest,
    ReindexRequest,
    StatesRequest,
    Status,
    StatusRequest,
    TokenStorage,
    Watcher,
)
from membrowse.wire.explanation import (
    Explanation,
    FusedExplanation,
    HeatSpan,
    IndexedVersion,
    KeywordExplanation,
    RerankedExplanation,
    VectorExplanation,
)
from membrowse.wire.notes import FilesRequest, Freshness
from membrowse.wire.pins import Measures, Pin, PinResult, PinRun
from membrowse.wire.requests import AnyRequest
from membrowse.wire.search import (
    RANKINGS,
    Hit,
    Ranking,
    RankingState,
    SearchRequest,
    SearchResponse,
)
from membrowse.wire.tokens import TokenisedText, Tokens

S = TypeVar("S", bound=msgspec.Struct)
replace = msgspec.structs.replace

FOLDER = Path("/home/me/agents/ops/memory")
INFO = EngineInfo(pid=4321, user="ada", since="2026-11-22T15:00:00Z", version="0.1.0")
CHECKED = Watcher(kind="inotify", last_check="2026-11-22T15:04:05Z")
LAST_CHANGE = IndexChange(at="2026-07-20T10:04:31Z", path="decisions/ssh.md", notes=1, chunks=2)


@cache
def _recorded() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_bytes())
    return data


def _record(name: str, kind: type[S], changes: dict[str, Any]) -> S:
    return replace(msgspec.convert(_recorded()[name], kind), **changes)


# Search


def hit(rank: int = 1, **changes: Any) -> Hit:
    place = {"rank": rank, "chunk": f"c{rank}", "path": f"runbooks/deploy-{rank}.md"}
    known = _record("hit", Hit, place | {"score": 12.3 / rank})
    return replace(known, **{"ranks": known.ranks | {"keyword": rank}} | changes)


def ranking(hits: tuple[Hit, ...] = (), **changes: Any) -> Ranking:
    known = Ranking(state=RankingState.READY, took_ms=3.1, total=len(hits), hits=hits)
    return replace(known, **changes)


def recall(text: str = "deploy", hits: int = 2, **changes: Any) -> SearchResponse:
    found = ranking(tuple(hit(rank) for rank in range(1, hits + 1)))
    known = _record("response", SearchResponse, {"rankings": dict.fromkeys(RANKINGS, found)})
    query = replace(known.query, text=text)
    return replace(known, **{"id": f"of {text}", "query": query} | changes)


# The engine


def state(**changes: Any) -> EngineState:
    return _record("state", EngineState, changes)


def status(**changes: Any) -> Status:
    known = Status(
        state=state(),
        engine=INFO,
        index_dir="/index",
        sizes={"manifest": 1_500_000, "keyword": 900},
        notes_by_state={"indexed": 131, "skipped": 4},
        token_vectors=TokenStorage(chunks=992, bytes=85_000_000, budget_bytes=2_147_483_648),
        recipe={"chunker": "1", "analyser": "1", "encoder": "e"},
        settings_digest="abc",
    )
    return replace(known, **changes)


def going_through(*states: EngineState) -> dict[type[AnyRequest], Any]:
    """The replies of an engine that has these states one after another."""
    return {
        StatesRequest: list(states),
        StatusRequest: status(state=states[-1]),
        ReindexRequest: states[0],
        RebuildRequest: states[0],
    }


def everything() -> dict[type[AnyRequest], Any]:
    """The replies of an engine at rest that finds two hits for every query."""
    return {
        **going_through(state()),
        SearchRequest: lambda request: recall(request.text),
        FilesRequest: [],
    }


# Explanation


def keyword(**changes: Any) -> KeywordExplanation:
    return _record("keyword", KeywordExplanation, changes)


def vector(**changes: Any) -> VectorExplanation:
    return _record("vector", VectorExplanation, changes)


def fused(**changes: Any) -> FusedExplanation:
    return _record("fused", FusedExplanation, changes)


def reranked(**changes: Any) -> RerankedExplanation:
    return _record("reranked", RerankedExplanation, changes)


def explanation(**changes: Any) -> Explanation:
    known = Explanation(
        query="which ports does staging ssh use?",
        hit=hit(1, path="logs/2025-11-08.md", start_line=31, end_line=34),
        header="Ports › SSH",
        text="Staging ssh listens on port 2222.",
        keyword=keyword(),
        vector=vector(),
        fused=fused(),
        reranked=reranked(),
        heat=(HeatSpan(start=28, end=32, strength=1.0, answers="port"),),
        took_ms={"keyword": 3.1, "vector": 6.0, "fused": 0.2, "reranked": 4.0, "explain": 9.0},
        indexed=IndexedVersion(
            generation=12, indexed_at="2026-11-22T15:00:00Z", freshness=Freshness.CURRENT
        ),
    )
    return replace(known, **changes)


def rulers(**changes: Any) -> Tokens:
    return Tokens(texts=(_record("tokens", TokenisedText, changes),))


# Diagnosis


def diagnosis(**changes: Any) -> Diagnosis:
    known = _record("diagnosis", Diagnosis, {})
    found = hit(11, path="decisions/ssh.md", start_line=12, end_line=18)
    return replace(known, **{"match": replace(known.match, hit=found)} | changes)


def suggestions(**changes: Any) -> Suggestions:
    return _record("suggestions", Suggestions, changes)


def why(**changes: Any) -> DiagnosisReport:
    return replace(DiagnosisReport.of(diagnosis(), suggestions()), **changes)


# Pins


def pin(name: str = "g01", **changes: Any) -> Pin:
    return replace(Pin(id=name, query="ssh port", path="decisions/ssh.md"), **changes)


def result(name: str = "g01", rank: int | None = 1, **changes: Any) -> PinResult:
    passes = rank is not None and rank <= 5
    ranks = {"keyword": 2, "vector": 1, "fused": 3, "reranked": rank}
    known = PinResult(pin=pin(name), passes=passes, rank=rank, ranks=ranks)
    return replace(known, **changes)


def run(*results: PinResult, **changes: Any) -> PinRun:
    known = PinRun(
        generation=12,
        at="2026-11-22T15:04:05Z",
        file="/notes/golden.jsonl",
        settings_digest="abc",
        results=results,
        measures=dict.fromkeys(RANKINGS, Measures(recall_at_1=0.5, recall_at_5=0.75, mrr=0.6)),
    )
    return replace(known, **changes)


# For models of the browser


def a_hit(**changes: Any) -> Hit:
    known = hit(
        3,
        path="decisions/ssh.md",
        title="SSH moved",
        heading="Decision",
        start_line=14,
        date="2026-07-17",
        ranks={"keyword": 9, "vector": None, "fused": 4, "reranked": 3},
        score=0.64,
    )
    return replace(known, **changes)


def a_ranking(name: str, chunks: str, **changes: Any) -> Ranking:
    """A ranking with a hit for each letter of `chunks`: the chunk's id, best first."""
    nowhere = dict.fromkeys(RANKINGS)
    hits = (
        hit(rank, chunk=chunk, ranks=nowhere | {name: rank}, score=1 / rank)
        for rank, chunk in enumerate(chunks, 1)
    )
    return ranking(tuple(hits), **changes)


def a_recall(
    number: int, *, complete: bool = True, name: str = "r", **chunks: str
) -> SearchResponse:
    """A response whose rankings hold these chunks: `a_recall(1, keyword="abc")`."""
    return recall(
        id=f"{name}{number}",
        rankings={ranking: a_ranking(ranking, ids) for ranking, ids in chunks.items()},
        complete=complete,
        number=number,
    )
