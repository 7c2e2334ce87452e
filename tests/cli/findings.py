"""Hand-made findings, as an engine would answer them."""

from __future__ import annotations

from typing import Any

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
from membrowse.findings.explanation import (
    Explanation,
    FieldMatch,
    Freshened,
    FusedExplained,
    FusedShare,
    Heat,
    KeywordExplained,
    RerankedExplained,
    Similar,
    TermExplained,
    TokenMatch,
    VectorExplained,
)
from membrowse.findings.pins import Measures, Pin, PinResult, PinRun
from membrowse.findings.rulers import AnalysedWord, Ruler, RulerPiece, Rulers
from membrowse.recall import Expected, Freshness, NoteState, RankingState
from tests.cli.fakes import hit

TEXT = "Staging ssh listens on port 2222."


def keyword() -> KeywordExplained:
    body = FieldMatch(
        field="body",
        weight=1.0,
        frequency=3,
        length=80.0,
        mean_length=110.5,
        positions=(1, 9, 40),
        contribution=2.5,
    )
    heading = FieldMatch(
        field="headings",
        weight=0.5,
        frequency=1,
        length=2.0,
        mean_length=3.0,
        positions=(0,),
        contribution=0.5,
    )
    found = TermExplained(
        term="port",
        typed="ports",
        df=41,
        idf=3.2,
        matches=(body, heading),
        contribution=3.0,
        share=1.0,
    )
    lacking = TermExplained(
        term="ssh", typed="ssh", df=9, idf=4.0, matches=(), contribution=0.0, share=0.0
    )
    unknown = TermExplained(
        term="k8", typed="k8", df=0, idf=6.0, matches=(), contribution=0.0, share=0.0
    )
    return KeywordExplained(
        rank=3,
        total=57,
        score=3.0,
        k1=1.2,
        b=0.75,
        terms=(found, lacking, unknown),
        dropped=("which", "does"),
    )


def vector(**changes: Any) -> VectorExplained:
    values: dict[str, Any] = {
        "state": RankingState.READY,
        "message": "",
        "rank": 4,
        "total": 992,
        "score": 0.71,
        "cosine": 0.64,
        "passage_weight": 1.0,
        "passages": (
            Similar(start=0, end=33, line=31, text=TEXT, similarity=0.71),
            Similar(start=34, end=60, line=33, text="The bastion is on 22.", similarity=0.41),
        ),
        "hnsw_rank": 5,
        "hnsw_exact_rank": 4,
        "hnsw_asked": 10,
        "pieces": 8,
    }
    return VectorExplained(**(values | changes))


def fused() -> FusedExplained:
    shares = (
        FusedShare(
            ranking="keyword",
            rank=3,
            score=3.0,
            low=0.0,
            high=12.0,
            normalised=0.25,
            weight=0.5,
            contribution=0.125,
        ),
        FusedShare(
            ranking="vector",
            rank=4,
            score=0.71,
            low=0.0,
            high=0.8,
            normalised=0.75,
            weight=0.5,
            contribution=0.375,
        ),
    )
    return FusedExplained(
        method="convex",
        rank=2,
        total=992,
        score=0.5,
        rrf_k=None,
        weight_set=0.5,
        weight_used=0.5,
        shares=shares,
    )


def reranked(**changes: Any) -> RerankedExplained:
    answered = TokenMatch(
        piece="port",
        word="port",
        known=True,
        weight=0.6,
        token="ports",  # noqa: S106
        in_header=True,
        start=0,
        end=5,
        similarity=0.9,
        share=0.54,
    )
    unknown = TokenMatch(
        piece="[UNK]",
        word="端",
        known=False,
        weight=0.4,
        token="2222",  # noqa: S106
        in_header=False,
        start=28,
        end=32,
        similarity=0.5,
        share=0.2,
    )
    values: dict[str, Any] = {
        "state": RankingState.READY,
        "message": "",
        "method": "late-interaction",
        "rank": 1,
        "total": 992,
        "score": 0.93,
        "pool": 50,
        "in_pool": True,
        "fused_rank": 2,
        "movement": 1,
        "raw": 0.74,
        "low": 0.2,
        "high": 0.74,
        "normalised": 1.0,
        "blend_set": 0.6,
        "blend_used": 0.6,
        "contribution": 0.6,
        "fused_low": 0.1,
        "fused_high": 0.55,
        "fused_normalised": 0.83,
        "fused_contribution": 0.33,
        "tokens": (answered, unknown),
    }
    return RerankedExplained(**(values | changes))


def explanation(**changes: Any) -> Explanation:
    values: dict[str, Any] = {
        "query": "which ports does staging ssh use?",
        "hit": hit(1, path="logs/2025-11-08.md", start_line=31, end_line=34),
        "header": "Ports › SSH",
        "text": TEXT,
        "keyword": keyword(),
        "vector": vector(),
        "fused": fused(),
        "reranked": reranked(),
        "heat": (Heat(start=28, end=32, strength=1.0, answers="port"),),
        "took_ms": {"keyword": 3.1, "vector": 6.0, "fused": 0.2, "reranked": 4.0, "explain": 9.0},
        "freshened": Freshened(
            generation=12, indexed_at="2026-11-22T15:00:00Z", freshness=Freshness.CURRENT
        ),
    }
    return Explanation(**(values | changes))


def _rungs() -> tuple[Rung, ...]:
    findings = {
        Step.FOLDER: (Outcome.HOLDS, "it is in the folder", None),
        Step.INDEXED: (Outcome.HOLDS, "the file is as indexed", None),
        Step.TEXT: (Outcome.HOLDS, "one chunk holds the text", None),
        Step.KEYWORD: (Outcome.WEAK, "2 of 5 words match nothing in it", 14),
        Step.VECTOR: (Outcome.HOLDS, "its nearest passage is close", 6),
        Step.FUSED: (Outcome.HOLDS, "it is in the pool", 8),
        Step.RERANKED: (Outcome.FAILS, "the reranker takes it down 3 places", 11),
        Step.CUT: (Outcome.SKIPPED, "", None),
    }
    return tuple(
        Rung(
            step=step,
            outcome=outcome,
            finding=finding,
            rank=rank,
            evidence=("missing: bastion, inbound",) if outcome is Outcome.WEAK else (),
        )
        for step, (outcome, finding, rank) in findings.items()
    )


def _changes() -> tuple[Change, ...]:
    return (
        Change(
            kind=ChangeKind.SETTING,
            change="fusion.weight 0.5 → 0.62",
            rank=3,
            settings={"fusion.weight": 0.62},
            pins=41,
            broken=("g03", "g07"),
            mended=("g09",),
        ),
        Change(
            kind=ChangeKind.QUERY,
            change='add "bastion" to the query',
            rank=5,
            query="ssh port bastion",
        ),
        Change(
            kind=ChangeKind.NOTE,
            change='add "staging" to the heading',
            rank=2,
            edit=Edit(path="decisions/ssh.md", line=12, before="## SSH", after="## SSH staging"),
            pins=41,
        ),
    )


def why(**changes: Any) -> Why:
    values: dict[str, Any] = {
        "query": "ssh port",
        "target": Target(path="decisions/ssh.md", line=14),
        "found": Expected(
            label="decisions/ssh.md:14",
            hit=hit(11, path="decisions/ssh.md", start_line=12, end_line=18),
            k=5,
            passes=False,
            state=NoteState.INDEXED,
        ),
        "k": 5,
        "in_top_k": False,
        "verdict": "decisions/ssh.md:14 is #11, since the reranker takes it down 3 places.",
        "rungs": _rungs(),
        "changes": _changes(),
        "tried": 41,
        "generation": 12,
        "took_ms": 812.0,
    }
    return Why(**(values | changes))


def rulers(**changes: Any) -> Rulers:
    words = (
        AnalysedWord(
            start=0,
            end=5,
            typed="Which",
            folded="which",
            term="which",
            kind="word",
            stop_word=True,
            df=203,
        ),
        AnalysedWord(
            start=6,
            end=11,
            typed="PORTS",
            folded="ports",
            term="port",
            kind="word",
            stop_word=False,
            df=41,
        ),
        AnalysedWord(
            start=12,
            end=15,
            typed="k8s",
            folded="k8s",
            term="k8",
            kind="part",
            stop_word=False,
            df=0,
        ),
    )
    pieces = (
        RulerPiece(piece="[CLS]", start=0, end=0, known=True),
        RulerPiece(piece="which", start=0, end=5, known=True),
        RulerPiece(piece="k8", start=12, end=14, known=True),
        RulerPiece(piece="##s", start=14, end=15, known=True),
        RulerPiece(piece="[UNK]", start=16, end=18, known=False),
    )
    values: dict[str, Any] = {
        "label": "query",
        "header": "",
        "text": "Which PORTS k8s 端口",
        "words": words,
        "pieces": pieces,
        "count": 6,
        "window": 256,
        "unknown": 0.25,
    }
    return Rulers(rulers=(Ruler(**(values | changes)),))


def pin(name: str = "g01", **changes: Any) -> Pin:
    values: dict[str, Any] = {"id": name, "query": "ssh port", "path": "decisions/ssh.md"}
    return Pin(**(values | changes))


def result(name: str = "g01", rank: int | None = 1, **changes: Any) -> PinResult:
    values: dict[str, Any] = {
        "pin": pin(name),
        "holds": rank is not None and rank <= 5,
        "rank": rank,
        "ranks": {"keyword": 2, "vector": 1, "fused": 3, "reranked": rank},
    }
    return PinResult(**(values | changes))


def run(*results: PinResult, **changes: Any) -> PinRun:
    measures = Measures(recall_at_1=0.5, recall_at_5=0.75, mrr=0.6)
    values: dict[str, Any] = {
        "generation": 12,
        "at": "2026-11-22T15:04:05Z",
        "file": "/notes/golden.jsonl",
        "settings_digest": "abc",
        "results": results,
        "measures": dict.fromkeys(("keyword", "vector", "fused", "reranked"), measures),
    }
    return PinRun(**(values | changes))
