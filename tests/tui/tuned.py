"""Configurations and pins of the fake engine: kept in memory, re-ranked by simple sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from membrowse.client.engine import EngineRefused
from membrowse.wire.pins import (
    AddPinRequest,
    Measures,
    Pin,
    PinResult,
    PinRun,
    PinsRequest,
    PinsState,
    RemovePinRequest,
)
from membrowse.wire.request import Problem
from membrowse.wire.search import FUSED, KEYWORD, RANKINGS, RERANKED, VECTOR, SearchRequest
from membrowse.wire.tuning import (
    Configurations,
    ConfigurationsRequest,
    DeleteConfigurationRequest,
    Overrides,
    SaveConfigurationRequest,
    SavedConfiguration,
    TunedSearch,
    TuneRequest,
    TuneResponse,
    UseConfigurationRequest,
)
from tests.tui.fake_text import ranked, scaled

if TYPE_CHECKING:
    from tests.tui.fake_engine import FakeEngine

Scores = dict[str, list[tuple[int, float]]]
BASE: Overrides = {
    "fusion.method": "convex",
    "fusion.weight": 0.5,
    "fusion.rrf_k": 60,
    "rerank.method": "late-interaction",
    "rerank.pool": 50,
    "rerank.blend": 0.6,
    "agent.k": 5,
    "agent.min_score": 0.0,
}
CAREFUL = SavedConfiguration(name="careful", overrides={"rerank.pool": 100, "rerank.blend": 0.4})


class FakeConfigurations:
    """What is saved and in force, and trying on a query."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.saved: dict[str, Overrides] = {CAREFUL.name: CAREFUL.overrides}
        self.in_force = ""
        self.fixed: tuple[str, ...] = ()
        self.tried: list[TuneRequest] = []

    def told(self, _request: ConfigurationsRequest) -> Configurations:
        return Configurations(
            in_force=self.in_force,
            saved=tuple(SavedConfiguration(name=n, overrides=o) for n, o in self.saved.items()),
            base=BASE,
            current=BASE | self.saved.get(self.in_force, {}),
            fixed=self.fixed,
        )

    def save(self, request: SaveConfigurationRequest) -> Configurations:
        self.saved[request.name] = request.overrides
        self.in_force = request.name
        return self._changed()

    def delete(self, request: DeleteConfigurationRequest) -> Configurations:
        del self.saved[request.name]
        self.in_force = "" if self.in_force == request.name else self.in_force
        return self._changed()

    def use(self, request: UseConfigurationRequest) -> Configurations:
        self.in_force = request.name
        return self._changed()

    def _changed(self) -> Configurations:
        self.engine.change(
            configuration=self.in_force, settings_digest=f"{self.in_force}{len(self.saved)}"
        )
        return self.told(ConfigurationsRequest())

    def tune(self, request: TuneRequest) -> TuneResponse:
        self.tried.append(request)
        if request.overrides.get("rerank.method") == "cross-encoder":
            raise EngineRefused(Problem(message="no cross-encoder is set: rerank.model"), 400)
        b = None if request.against is None else self._tried(request, request.against)
        return TuneResponse(
            a=self._tried(request, request.overrides),
            b=b,
            overlap=None if b is None else 0.83,
            took_ms=12.0,
        )

    def _tried(self, request: TuneRequest, overrides: Overrides) -> TunedSearch:
        values = BASE | overrides
        asked = SearchRequest(
            text=request.text,
            syntax=request.syntax,
            limit=request.limit,
            number=request.number,
            track=request.track,
            target=request.target,
        )
        scores = self.engine.scores(request.text)
        saved = {row: rank for rank, (row, _) in enumerate(scores[RERANKED], 1)}
        weight, pins = float(values["fusion.weight"]), self.engine.state.pins.total
        lost = round(abs(weight - 0.5) * 25)
        return TunedSearch(
            response=self.engine.recall_by(asked, _again(scores, values)),
            agent_k=int(values["agent.k"]),
            agent_min_score=float(values["agent.min_score"]),
            saved_ranks={self.engine.chunks[row].id: rank for row, rank in saved.items()},
            pins=pins if request.pins else 0,
            passing=max(0, pins - lost) if request.pins else None,
        )


def _again(scores: Scores, values: Overrides) -> Scores:
    """Fused and reranked anew."""
    weight, blend = float(values["fusion.weight"]), float(values["rerank.blend"])
    rows = [row for row, _ in scores[VECTOR]]
    sides = [dict(scores[name]) for name in (KEYWORD, VECTOR, RERANKED)]
    keyword, vector, before = ([s.get(row, 0.0) for row in rows] for s in sides)
    both = zip(scaled(keyword), scaled(vector), strict=True)
    fused = [(1 - weight) * k + weight * v for k, v in both]
    pull = [v - k for k, v in zip(scaled(keyword), scaled(vector), strict=True)]
    final = [
        b + 3 * (weight - 0.5) * p + (blend - 0.6) * (b - f)
        for b, f, p in zip(before, fused, pull, strict=True)
    ]
    return scores | {
        FUSED: ranked(list(zip(rows, fused, strict=True))),
        RERANKED: ranked(list(zip(rows, final, strict=True))),
    }


RESULTS = (
    PinResult(
        pin=Pin(
            id="ssh-port",
            query="which port does staging ssh use?",
            path="decisions/ssh.md",
            text="listens on port 2202",
        ),
        passes=True,
        rank=4,
        ranks={"keyword": 1, "vector": 3, "fused": 3, "reranked": 4},
        before=9,
        chunk="decisions/ssh.md#0",
        history=(31, 30, 22, 12, 9, 9, 4),
    ),
    PinResult(
        pin=Pin(
            id="restore-drill", query="how long does a restore take?", path="runbooks/restore.md"
        ),
        passes=True,
        rank=1,
        ranks={"keyword": 2, "vector": 1, "fused": 1, "reranked": 1},
        before=1,
        chunk="runbooks/restore.md#0",
        history=(1, 1, 2, 1, 1, 1, 1),
    ),
    PinResult(
        pin=Pin(
            id="queue-limit",
            query="how many jobs may wait in the queue before a deploy?",
            path="runbooks/deploy.md",
            text="fewer than 200 jobs",
            k=3,
        ),
        passes=False,
        rank=7,
        ranks={"keyword": 12, "vector": 9, "fused": 8, "reranked": 7},
        before=2,
        chunk="runbooks/deploy.md#1",
        history=(2, 2, 3, 2, 2, 2, 7),
    ),
    PinResult(
        pin=Pin(
            id="jump-host",
            query="is there a jump host?",
            path="tools/hosts.md",
            text="The old jump host is still there",
        ),
        passes=False,
        rank=None,
        ranks={},
        before=5,
        problem="the text was edited away in generation 39; no chunk took its place",
        history=(3, 3, 4, 5, None, None, None),
    ),
)
MEASURES = {
    name: Measures(recall_at_1=0.41 + at / 20, recall_at_5=0.73 + at / 16, mrr=0.55 + at / 18)
    for at, name in enumerate(RANKINGS)
}


class Pins:
    """The pins of the folder."""

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.results = list(RESULTS)

    def run(self, _request: PinsRequest) -> PinRun:
        return PinRun(
            generation=self.engine.state.generation,
            at="2026-07-20T10:05:00Z",
            file="/home/me/agents/ops/memory/golden.jsonl",
            settings_digest="",
            results=tuple(self.results),
            measures=MEASURES if self.results else {},
            problems=("line 7: not JSON",) if self.results else (),
        )

    def pin(self, request: AddPinRequest) -> PinRun:
        name = f"pin-{len(self.results)}"
        pin = Pin(id=name, query=request.text, path=request.target.path, text=request.target.text)
        chunk = request.target.chunk or f"{request.target.path}#0"
        self.results.append(PinResult(pin=pin, passes=True, rank=1, ranks={}, chunk=chunk))
        return self._changed()

    def unpin(self, request: RemovePinRequest) -> PinRun:
        self.results = [result for result in self.results if result.pin.id != request.id]
        return self._changed()

    def _changed(self) -> PinRun:
        run = self.run(PinsRequest())
        self.engine.change(
            pins=PinsState(total=run.total, passing=run.passing, generation=run.generation)
        )
        return run


def pinned(engine: FakeEngine, **changes: Any) -> None:
    """Give the engine its pins."""
    state = PinsState(
        total=41,
        passing=38,
        generation=41,
        moved=("ssh port: decisions/ssh.md #9 → #4", "queue limit: runbooks/deploy.md #2 → #7"),
    )
    engine.change(pins=msgspec.structs.replace(state, **changes))


def answers(engine: FakeEngine) -> dict[type, Callable[[Any], object]]:
    """What the engine answers, by kind of inspection."""
    configurations, pins = FakeConfigurations(engine), Pins(engine)
    return {
        TuneRequest: configurations.tune,
        ConfigurationsRequest: configurations.told,
        SaveConfigurationRequest: configurations.save,
        DeleteConfigurationRequest: configurations.delete,
        UseConfigurationRequest: configurations.use,
        PinsRequest: pins.run,
        AddPinRequest: pins.pin,
        RemovePinRequest: pins.unpin,
    }
