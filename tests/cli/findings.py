"""Hand-made findings, as an engine would answer them."""

from __future__ import annotations

from typing import Any

import msgspec

from membrowse.wire.diagnosis import (
    Diagnosis,
    DiagnosisReport,
    Edit,
    Outcome,
    Step,
    StepName,
    Suggestion,
    SuggestionKind,
    Suggestions,
)
from membrowse.wire.explanation import (
    Explanation,
    FieldMatch,
    FusedExplanation,
    FusedInput,
    HeatSpan,
    IndexedVersion,
    KeywordExplanation,
    PassageMatch,
    RerankedExplanation,
    TermExplanation,
    TokenMatch,
    VectorExplanation,
)
from membrowse.wire.notes import Freshness, NoteState
from membrowse.wire.pins import Measures, Pin, PinResult, PinRun
from membrowse.wire.search import RankingState, Target, TargetMatch
from membrowse.wire.tokens import AnalysedToken, TokenisedText, Tokens, WordPiece
from tests.cli.fakes import hit

TEXT = "Staging ssh listens on port 2222."


def keyword() -> KeywordExplanation:
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
    found = TermExplanation(
        term="port",
        typed="ports",
        df=41,
        idf=3.2,
        matches=(body, heading),
        contribution=3.0,
        share=1.0,
    )
    lacking = TermExplanation(
        term="ssh", typed="ssh", df=9, idf=4.0, matches=(), contribution=0.0, share=0.0
    )
    unknown = TermExplanation(
        term="k8", typed="k8", df=0, idf=6.0, matches=(), contribution=0.0, share=0.0
    )
    return KeywordExplanation(
        rank=3,
        total=57,
        score=3.0,
        k1=1.2,
        b=0.75,
        terms=(found, lacking, unknown),
        dropped=("which", "does"),
    )


def vector(**changes: Any) -> VectorExplanation:
    values: dict[str, Any] = {
        "state": RankingState.READY,
        "message": "",
        "rank": 4,
        "total": 992,
        "score": 0.71,
        "cosine": 0.64,
        "passage_weight": 1.0,
        "passages": (
            PassageMatch(start=0, end=33, line=31, text=TEXT, similarity=0.71),
            PassageMatch(start=34, end=60, line=33, text="The bastion is on 22.", similarity=0.41),
        ),
        "hnsw_rank": 5,
        "hnsw_exact_rank": 4,
        "hnsw_asked": 10,
        "pieces": 8,
    }
    return VectorExplanation(**(values | changes))


def fused() -> FusedExplanation:
    shares = (
        FusedInput(
            ranking="keyword",
            rank=3,
            score=3.0,
            low=0.0,
            high=12.0,
            normalised=0.25,
            weight=0.5,
            contribution=0.125,
            share=0.25,
        ),
        FusedInput(
            ranking="vector",
            rank=4,
            score=0.71,
            low=0.0,
            high=0.8,
            normalised=0.75,
            weight=0.5,
            contribution=0.375,
            share=0.75,
        ),
    )
    return FusedExplanation(
        method="convex",
        rank=2,
        total=992,
        score=0.5,
        rrf_k=None,
        weight_set=0.5,
        weight_used=0.5,
        inputs=shares,
    )


def reranked(**changes: Any) -> RerankedExplanation:
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
        contribution=0.54,
        relative=0.73,
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
        contribution=0.2,
        relative=0.27,
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
        "share": 0.65,
        "fused_share": 0.35,
        "fused_low": 0.1,
        "fused_high": 0.55,
        "fused_normalised": 0.83,
        "fused_contribution": 0.33,
        "tokens": (answered, unknown),
    }
    return RerankedExplanation(**(values | changes))


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
        "heat": (HeatSpan(start=28, end=32, strength=1.0, answers="port"),),
        "took_ms": {"keyword": 3.1, "vector": 6.0, "fused": 0.2, "reranked": 4.0, "explain": 9.0},
        "indexed": IndexedVersion(
            generation=12, indexed_at="2026-11-22T15:00:00Z", freshness=Freshness.CURRENT
        ),
    }
    return Explanation(**(values | changes))


def _rungs() -> tuple[Step, ...]:
    findings = {
        StepName.FOLDER: (Outcome.PASSES, "it is in the folder", None),
        StepName.INDEXED: (Outcome.PASSES, "the file is as indexed", None),
        StepName.TEXT: (Outcome.PASSES, "one chunk holds the text", None),
        StepName.KEYWORD: (Outcome.WEAK, "2 of 5 words match nothing in it", 14),
        StepName.VECTOR: (Outcome.PASSES, "its nearest passage is close", 6),
        StepName.FUSED: (Outcome.PASSES, "it is in the pool", 8),
        StepName.RERANKED: (Outcome.FAILS, "the reranker takes it down 3 places", 11),
        StepName.CUT: (Outcome.SKIPPED, "", None),
    }
    return tuple(
        Step(
            name=step,
            outcome=outcome,
            finding=finding,
            rank=rank,
            evidence=("missing: bastion, inbound",) if outcome is Outcome.WEAK else (),
        )
        for step, (outcome, finding, rank) in findings.items()
    )


def _changes() -> tuple[Suggestion, ...]:
    return (
        Suggestion(
            kind=SuggestionKind.SETTING,
            change="fusion.weight 0.5 → 0.62",
            rank=3,
            settings={"fusion.weight": 0.62},
            pins=41,
            broken=("g03", "g07"),
            fixed=("g09",),
        ),
        Suggestion(
            kind=SuggestionKind.QUERY,
            change='add "bastion" to the query',
            rank=5,
            query="ssh port bastion",
        ),
        Suggestion(
            kind=SuggestionKind.NOTE,
            change='add "staging" to the heading',
            rank=2,
            edit=Edit(path="decisions/ssh.md", line=12, before="## SSH", after="## SSH staging"),
            pins=41,
        ),
    )


def why(**changes: Any) -> DiagnosisReport:
    return msgspec.structs.replace(DiagnosisReport.of(diagnosis(), suggestions()), **changes)


def suggestions() -> Suggestions:
    return Suggestions(
        suggestions=_changes(), tried=41, unfinished="", generation=12, took_ms=700.0
    )


def diagnosis(**changes: Any) -> Diagnosis:
    values: dict[str, Any] = {
        "query": "ssh port",
        "target": Target(path="decisions/ssh.md", line=14),
        "match": TargetMatch(
            label="decisions/ssh.md:14",
            hit=hit(11, path="decisions/ssh.md", start_line=12, end_line=18),
            k=5,
            passes=False,
            state=NoteState.INDEXED,
        ),
        "k": 5,
        "in_top_k": False,
        "verdict": "decisions/ssh.md:14 is #11, since the reranker takes it down 3 places.",
        "steps": _rungs(),
        "generation": 12,
        "took_ms": 812.0,
    }
    return Diagnosis(**(values | changes))


def rulers(**changes: Any) -> Tokens:
    words = (
        AnalysedToken(
            start=0,
            end=5,
            typed="Which",
            folded="which",
            term="which",
            kind="word",
            stop_word=True,
            df=203,
        ),
        AnalysedToken(
            start=6,
            end=11,
            typed="PORTS",
            folded="ports",
            term="port",
            kind="word",
            stop_word=False,
            df=41,
        ),
        AnalysedToken(
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
        WordPiece(piece="[CLS]", start=0, end=0, known=True),
        WordPiece(piece="which", start=0, end=5, known=True),
        WordPiece(piece="k8", start=12, end=14, known=True),
        WordPiece(piece="##s", start=14, end=15, known=True),
        WordPiece(piece="[UNK]", start=16, end=18, known=False),
    )
    values: dict[str, Any] = {
        "label": "query",
        "header": "",
        "text": "Which PORTS k8s 端口",
        "tokens": words,
        "pieces": pieces,
        "count": 6,
        "window": 256,
        "unknown": 0.25,
    }
    return Tokens(texts=(TokenisedText(**(values | changes)),))


def pin(name: str = "g01", **changes: Any) -> Pin:
    values: dict[str, Any] = {"id": name, "query": "ssh port", "path": "decisions/ssh.md"}
    return Pin(**(values | changes))


def result(name: str = "g01", rank: int | None = 1, **changes: Any) -> PinResult:
    values: dict[str, Any] = {
        "pin": pin(name),
        "passes": rank is not None and rank <= 5,
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
