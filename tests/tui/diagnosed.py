"""Answers to "why not this note?" as an engine would give them, and the target in a recall."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from membrowse.notes.chunk import Chunk
from membrowse.wire.diagnosis import (
    Diagnosis,
    DiagnosisRequest,
    Edit,
    Outcome,
    Step,
    StepName,
    Suggestion,
    SuggestionKind,
    Suggestions,
    SuggestionsRequest,
)
from membrowse.wire.notes import FileRecord, NoteState
from membrowse.wire.search import RERANKED, Hit, Target, TargetMatch
from tests.tui.corpus import OTHER_FILES

if TYPE_CHECKING:
    from tests.tui.fake_engine import FakeEngine

K = 5
NO_TEXT = "no chunk holds this text"


def expected(
    engine: FakeEngine, target: Target | None, scores: Mapping[str, list[tuple[int, float]]]
) -> TargetMatch | None:
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
    return TargetMatch(
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
    Step(
        name=StepName.FOLDER,
        outcome=Outcome.PASSES,
        finding="decisions/ssh.md is in the folder.",
    ),
    Step(
        name=StepName.INDEXED,
        outcome=Outcome.PASSES,
        finding="The index holds the file as it is now.",
        evidence=("indexed 2026-07-20T10:00:00Z, generation 41",),
    ),
    Step(
        name=StepName.TEXT,
        outcome=Outcome.PASSES,
        finding="Lines 3–5 are one chunk, 1 of 2.",
    ),
    Step(
        name=StepName.KEYWORD,
        outcome=Outcome.WEAK,
        finding="Holds 3 of the 4 terms; “port” stands only in its body.",
        evidence=("use: not in this chunk, 203 chunks hold it", "port: body ×2, weight 1 · 2.31"),
        rank=9,
    ),
    Step(
        name=StepName.VECTOR,
        outcome=Outcome.PASSES,
        finding="Its best passage is near the query: cosine .64.",
        rank=2,
    ),
    Step(
        name=StepName.FUSED,
        outcome=Outcome.PASSES,
        finding="In the pool of candidates, 46 places from its end.",
        rank=4,
    ),
    Step(
        name=StepName.RERANKED,
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
    Step(
        name=StepName.CUT,
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
    Suggestion(
        kind=SuggestionKind.NOTE,
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
    Suggestion(
        kind=SuggestionKind.SETTING,
        change="fusion.weight 0.5 → 0.62",
        rank=3,
        settings={"fusion.weight": 0.62},
        pins=41,
        broken=("restore drill", "queue limit before a deploy"),
        fixed=("ssh port",),
    ),
    Suggestion(
        kind=SuggestionKind.QUERY,
        change="add “daemon” to the query",
        rank=1,
        query="which port does the staging ssh daemon use?",
    ),
)

WHY = Diagnosis(
    query="",
    target=Target(path="decisions/ssh.md"),
    match=TargetMatch(
        label="decisions/ssh.md", hit=FOUND, k=K, passes=False, state=NoteState.INDEXED
    ),
    k=K,
    in_top_k=False,
    verdict="The reranker puts it at #6, one place below the agent's cut of 5: it does not say "
    "“use”, and an older note that says nearly the same, logs/2025-11-08.md:7, stands above it.",
    steps=RUNGS,
    generation=41,
    took_ms=812.0,
)


def _left_out(request: DiagnosisRequest, record: FileRecord) -> Diagnosis:
    path = request.target.path
    finding = f"{path} is {record.state.value}: {record.reason}."
    first = Step(
        name=StepName.FOLDER,
        outcome=Outcome.FAILS,
        finding=finding,
        evidence=("the rule stands in .membrowseignore, line 2: drafts/",),
    )
    rest = tuple(
        Step(name=step, outcome=Outcome.SKIPPED, finding="Not looked at: it is not indexed.")
        for step in list(StepName)[1:]
    )
    return Diagnosis(
        query=request.text,
        target=request.target,
        match=TargetMatch(
            label=path, hit=None, k=K, passes=False, state=record.state, reason=finding
        ),
        k=K,
        in_top_k=False,
        verdict=finding,
        steps=(first, *rest),
        generation=41,
        took_ms=3.0,
    )


def answers(engine: FakeEngine) -> dict[type, Callable[[Any], object]]:
    """What the engine answers, by kind of inspection."""
    return {
        DiagnosisRequest: partial(why, engine),
        SuggestionsRequest: partial(suggestions, engine),
    }


def why(engine: FakeEngine, request: DiagnosisRequest) -> Diagnosis:
    """A ladder that fails where it should: at the folder, or where reranking puts the note."""
    record = _record(engine, request.target.path)
    if record is not None:
        return _left_out(request, record)
    return msgspec.structs.replace(WHY, query=request.text, target=request.target)


def suggestions(engine: FakeEngine, request: SuggestionsRequest) -> Suggestions:
    """Changes that help, where the note is in the folder."""
    left_out = _record(engine, request.target.path) is not None
    return Suggestions(
        suggestions=() if left_out else CHANGES,
        tried=0 if left_out else 57,
        unfinished="",
        generation=41,
        took_ms=700.0,
    )
