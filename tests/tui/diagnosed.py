"""Answers to "why not this note?" as an engine would give them, and the target in a recall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from membrowse.engine.inspections import WhyRequest
from membrowse.engine.protocol import FileRecord
from membrowse.findings.diagnosis import (
    Change,
    ChangeKind,
    Edit,
    Outcome,
    Rung,
    Step,
    Target,
    Why,
)
from membrowse.recall import RERANKED, Chunk, Expected, Hit, NoteState
from tests.tui.corpus import OTHER_FILES

if TYPE_CHECKING:
    from tests.tui.fake_engine import FakeEngine

K = 5
NO_TEXT = "no chunk holds this text"


def expected(
    engine: FakeEngine, target: Target | None, scores: Mapping[str, list[tuple[int, float]]]
) -> Expected | None:
    """Where `target` stands by the rankings in `scores`: the best of the chunks it can mean."""
    if target is None:
        return None
    last = list(scores)[-1]
    hits = [
        engine.hit(scores, last, row)
        for row, chunk in enumerate(engine.chunks)
        if _means(target, chunk)
    ]
    hit = min(hits, key=lambda hit: hit.ranks.get(last) or 10**6, default=None)
    record = _record(engine, target.path)
    rank = hit.ranks.get(RERANKED) if hit else None
    place = f"{target.path}:{target.line}" if target.line else target.path
    why_not = record.reason if record else "the folder has no such file"
    return Expected(
        label=place or f"“{target.text}”",
        hit=hit,
        k=K,
        passes=rank is not None and rank <= K,
        state=record.state if record else NoteState.INDEXED if hit else None,
        reason="" if hit else f"{target.path}: {why_not}" if target.path else NO_TEXT,
    )


def _record(engine: FakeEngine, path: str) -> FileRecord | None:
    files = (*OTHER_FILES, *engine.files_extra)
    return next((file for file in files if file.path == path), None)


def _means(target: Target, chunk: Chunk) -> bool:
    if target.chunk:
        return chunk.id == target.chunk
    if target.text:
        return target.text.casefold() in chunk.text.casefold()
    covers = target.line is None or chunk.start_line <= target.line <= chunk.end_line
    return chunk.path == target.path and covers


FOUND = Hit(
    rank=6,
    chunk="decisions/ssh.md#0",
    path="decisions/ssh.md",
    title="SSH moved",
    heading="Decision",
    start_line=3,
    end_line=5,
    start_offset=13,
    end_offset=122,
    date="2026-07-17",
    indexed_at="2026-07-20T10:00:00Z",
    ranks={"keyword": 9, "vector": 2, "fused": 4, "reranked": 6},
    scores={"keyword": 4.1, "vector": 0.64, "fused": 0.71, "reranked": 0.58},
    score=0.58,
    snippet="The ssh daemon of staging listens on port 2202.",
)

RUNGS = (
    Rung(
        step=Step.FOLDER,
        outcome=Outcome.HOLDS,
        finding="decisions/ssh.md is in the folder.",
    ),
    Rung(
        step=Step.INDEXED,
        outcome=Outcome.HOLDS,
        finding="The index holds the file as it is now.",
        evidence=("indexed 2026-07-20T10:00:00Z, generation 41",),
    ),
    Rung(
        step=Step.TEXT,
        outcome=Outcome.HOLDS,
        finding="Lines 3–5 are one chunk, 1 of 2.",
    ),
    Rung(
        step=Step.KEYWORD,
        outcome=Outcome.WEAK,
        finding="Holds 3 of the 4 terms; “port” stands only in its body.",
        evidence=("use: not in this chunk, 203 chunks hold it", "port: body ×2, weight 1 · 2.31"),
        rank=9,
    ),
    Rung(
        step=Step.VECTOR,
        outcome=Outcome.HOLDS,
        finding="Its best passage is near the query: cosine .64.",
        rank=2,
    ),
    Rung(
        step=Step.FUSED,
        outcome=Outcome.HOLDS,
        finding="In the pool of candidates, 46 places from its end.",
        rank=4,
    ),
    Rung(
        step=Step.RERANKED,
        outcome=Outcome.FAILS,
        finding="Demoted by 2 places: nothing in it answers “use”, and “which” is answered by its "
        "header alone.",
        evidence=(
            "use      weight .21 · best “listens” .31 → .07, the chunk at #1 has “Use” .97 → .20",
            "which    weight .06 · best “Decision” .22 → .01",
            "MaxSim .61, of the pool's .48 to .83",
        ),
        rank=6,
    ),
    Rung(
        step=Step.CUT,
        outcome=Outcome.FAILS,
        finding="One place below the agent's cut (k 5), behind logs/2025-11-08.md:7, an older "
        "chunk that says nearly the same.",
        evidence=(
            "#1 .93  logs/2025-11-08.md:7    2025-11-08, 251 days older, nearly the same wording",
            "#2 .81  MEMORY.md:9",
            "#5 .59  logs/2026-03-01.md:7",
        ),
        rank=6,
    ),
)

CHANGES = (
    Change(
        kind=ChangeKind.QUERY,
        change="add “daemon” to the query",
        rank=1,
        query="which port does the staging ssh daemon use?",
    ),
    Change(
        kind=ChangeKind.SETTING,
        change="fusion.weight 0.5 → 0.62",
        rank=3,
        settings={"fusion.weight": 0.62},
        pins=41,
        broken=("restore drill", "queue limit before a deploy"),
        mended=("ssh port",),
    ),
    Change(
        kind=ChangeKind.NOTE,
        change="add “port” to the heading “Decision”",
        rank=2,
        edit=Edit(
            path="decisions/ssh.md",
            line=3,
            before="## Decision",
            after="## Decision: the ssh port of staging",
        ),
        pins=41,
    ),
)

WHY = Why(
    query="",
    target=Target(path="decisions/ssh.md"),
    found=Expected(label="decisions/ssh.md", hit=FOUND, k=K, passes=False, state=NoteState.INDEXED),
    k=K,
    in_top_k=False,
    verdict="The reranker puts it at #6, one place below the agent's cut of 5: it does not say "
    "“use”, and an older note that says nearly the same, logs/2025-11-08.md:7, stands above it.",
    rungs=RUNGS,
    changes=CHANGES,
    tried=57,
    generation=41,
    took_ms=812.0,
)


def _left_out(request: WhyRequest, record: FileRecord) -> Why:
    path = request.target.path
    finding = f"{path} is {record.state.value}: {record.reason}."
    first = Rung(
        step=Step.FOLDER,
        outcome=Outcome.FAILS,
        finding=finding,
        evidence=("the rule stands in .membrowseignore, line 2: drafts/",),
    )
    rest = tuple(
        Rung(step=step, outcome=Outcome.SKIPPED, finding="Not looked at: it is not indexed.")
        for step in list(Step)[1:]
    )
    return Why(
        query=request.text,
        target=request.target,
        found=Expected(label=path, hit=None, k=K, passes=False, state=record.state, reason=finding),
        k=K,
        in_top_k=False,
        verdict=finding,
        rungs=(first, *rest),
        generation=41,
        took_ms=3.0,
    )


def answers(engine: FakeEngine) -> dict[type, Callable[[Any], object]]:
    """What the engine answers, by kind of inspection."""
    return {WhyRequest: partial(why, engine)}


def why(engine: FakeEngine, request: WhyRequest) -> Why:
    """A ladder that fails where it should: at the folder, or where reranking puts the note."""
    record = _record(engine, request.target.path)
    if record is not None:
        return _left_out(request, record)
    changes, tried = (CHANGES, 57) if request.changes else ((), 0)
    return msgspec.structs.replace(
        WHY, query=request.text, target=request.target, changes=changes, tried=tried
    )
