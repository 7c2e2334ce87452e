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

from membrowse import __version__
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
    Watcher,
)
from membrowse.wire.explanation import (
    Explanation,
    RerankedExplanation,
    VectorExplanation,
)
from membrowse.wire.notes import FilesRequest
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
INFO = EngineInfo(pid=4321, user="ada", since="2026-11-22T15:00:00Z", version=__version__)
CHECKED = Watcher(kind="inotify", last_check="2026-11-22T15:04:05Z")
LAST_CHANGE = IndexChange(at="2026-07-20T10:04:31Z", path="decisions/ssh.md", notes=1, chunks=2)


@cache
def _recorded() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_bytes())
    return data


def _record(name: str, kind: type[S], **parts: object) -> S:
    return msgspec.convert(_recorded()[name] | parts, kind)


# Search


def hit(rank: int = 1, **changes: Any) -> Hit:
    known = _record("hit", Hit)
    own = {
        "rank": rank,
        "chunk": f"c{rank}",
        "path": f"runbooks/deploy-{rank}.md",
        "ranks": known.ranks | {"keyword": rank},
        "score": known.score / rank,
    }
    return replace(known, **own | changes)


def ranking(hits: tuple[Hit, ...] = (), **changes: Any) -> Ranking:
    known = Ranking(state=RankingState.READY, took_ms=3.1, total=len(hits), hits=hits)
    return replace(known, **changes)


def response(text: str = "deploy", hits: int = 2, **changes: Any) -> SearchResponse:
    found = ranking(tuple(hit(rank) for rank in range(1, hits + 1)))
    known = _record("response", SearchResponse, rankings=dict.fromkeys(RANKINGS, found))
    own = {"id": f"of {text}", "query": replace(known.query, text=text)}
    return replace(known, **own | changes)


# The engine


def state(**changes: Any) -> EngineState:
    read = {"requested": 1, "started": 1}
    return replace(_record("state", EngineState), **read | changes)


def status(**changes: Any) -> Status:
    return replace(_record("status", Status, state=state(), engine=INFO), **changes)


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
        SearchRequest: lambda request: response(request.text),
        FilesRequest: [],
    }


# Explanation


def explanation(**changes: Any) -> Explanation:
    found = hit(1, path="logs/2025-11-08.md", start_line=31, end_line=34)
    return replace(_record("explanation", Explanation, hit=found), **changes)


def vector(**changes: Any) -> VectorExplanation:
    return replace(explanation().vector, **changes)


def reranked(**changes: Any) -> RerankedExplanation:
    return replace(explanation().reranked, **changes)


def tokens(**changes: Any) -> Tokens:
    return Tokens(texts=(replace(_record("tokens", TokenisedText), **changes),))


# Diagnosis


def diagnosis(**changes: Any) -> Diagnosis:
    known = _record("diagnosis", Diagnosis)
    found = hit(11, path="decisions/ssh.md", start_line=12, end_line=18)
    return replace(known, **{"match": replace(known.match, hit=found)} | changes)


def suggestions(**changes: Any) -> Suggestions:
    return replace(_record("suggestions", Suggestions), **changes)


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


def a_response(
    number: int, *, complete: bool = True, name: str = "r", **chunks: str
) -> SearchResponse:
    """A response whose rankings hold these chunks: `a_response(1, keyword="abc")`."""
    return response(
        id=f"{name}{number}",
        rankings={ranking: a_ranking(ranking, ids) for ranking, ids in chunks.items()},
        complete=complete,
        number=number,
    )
