"""`membrowse explain`: pages that fit, JSON for programs, text that cannot act."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from membrowse.cli import explanation_sheet
from membrowse.cli.sheet import Sheet, bar, padded
from membrowse.client.engine import EngineRefused
from membrowse.wire.explanation import (
    ExplainRequest,
    Explanation,
    IndexedVersion,
    SpellingRequest,
    SpellingSuggestion,
)
from membrowse.wire.notes import Freshness
from membrowse.wire.request import Problem
from membrowse.wire.search import RankingState, Target
from tests.cli.conftest import Program
from tests.cli.hostile import HOSTILE, acts, filled
from tests.standin import replies as findings
from tests.standin.engine import StandIn as FakeEngine


def page(
    explanation: Explanation, columns: int = 80, spellings: list[SpellingSuggestion] | None = None
) -> str:
    sheet = Sheet(columns)
    explanation_sheet.fill(sheet, explanation, spellings)
    return sheet.text(styled=False)


@pytest.mark.parametrize("columns", [80, 120, 200])
def test_the_sections_follow_the_rankings_and_fit(columns: int) -> None:
    lines = page(findings.explanation(), columns).splitlines()
    heads = [line.split()[0] for line in lines if line[:1].isupper()]
    assert heads == ["KEYWORD", "VECTOR", "FUSED", "RERANKED", "TIME", "FRESHNESS"]
    assert max(map(cell_len, lines)) <= columns
    assert not any(line.endswith("…") for line in lines)


def test_every_share_has_a_bar_and_its_figures() -> None:
    text = page(findings.explanation())
    assert "ports → port ████████████ 100%   3.000 · df 41" in text
    assert "body 3× in 80 (mean 110) × weight 1 = 2.500" in text
    assert "ssh                          – not in this chunk · df 9" in text
    assert "k8                           – nowhere in the folder" in text
    assert "stop words left out: which, does" in text
    assert "0.375 = 0.50 × 0.750" in text
    assert "0.540 = 0.600 × 0.90" in text
    assert "端 (unknown) ← 2222" in text
    assert "▲1 from fused" in text


def test_what_is_amiss_is_said() -> None:
    missed = findings.vector(hnsw_missed=True, hnsw_rank=None, unknown=0.66, effect="counts 0.17")
    outside = findings.reranked(
        in_pool=False, rank=80, score=None, raw=None, movement=0, fused_rank=80, tokens=()
    )
    diff = ("--- indexed", "+++ file", *(f"+line {n}" for n in range(60)))
    freshened = IndexedVersion(generation=12, indexed_at="", freshness=Freshness.CHANGED, diff=diff)
    text = page(findings.explanation(vector=missed, reranked=outside, indexed=freshened))
    assert "! HNSW, asked for 10, missed this chunk, which is exact #4" in text
    assert "  counts 0.17\n" in text and "66%" not in text
    assert "outside the pool of 50: fused #80 of 992" in text
    assert "has changed since it was indexed" in text
    assert "+line 5" in text
    assert "22 more lines: --json has them" in text


def test_a_ranking_that_is_not_ready_says_why() -> None:
    off = findings.vector(
        state=RankingState.FAILED,
        message="the model is damaged",
        rank=None,
        score=None,
        cosine=None,
    )
    assert "! failed: the model is damaged" in page(findings.explanation(vector=off))


def test_without_a_pool_nothing_is_outside_it() -> None:
    off = findings.reranked(
        state=RankingState.OFF,
        message="not reranked, in fused order: switched off",
        pool=0,
        in_pool=False,
        score=None,
        raw=None,
        tokens=(),
    )
    text = page(findings.explanation(reranked=off))
    assert "! off: not reranked, in fused order: switched off" in text
    assert "pool" not in text


def test_near_spellings_are_told_where_they_were_asked_for() -> None:
    spelling = SpellingSuggestion(typed="stagging", near=("staging", "stage"))
    text = page(findings.explanation(), spellings=[spelling])
    assert "stagging matches nothing; near it: staging, stage" in text
    assert "near it" not in page(findings.explanation())
    assert "every word of the query stands in the folder" in page(
        findings.explanation(), spellings=[]
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_hostile_text_is_shown_and_does_nothing(columns: int) -> None:
    text = page(
        filled(findings.explanation(), HOSTILE),
        columns,
        [SpellingSuggestion(typed=HOSTILE, near=(HOSTILE,))],
    )
    assert not acts(text)
    assert "[31m" in text
    assert max(map(cell_len, text.splitlines())) <= columns


@pytest.mark.parametrize(("line", "covered"), [(31, True), (34, True), (9999, False)])
def test_a_line_that_no_chunk_covers_is_told(
    engine: FakeEngine, program: Program, folder: Path, line: int, covered: bool
) -> None:
    engine.replies[ExplainRequest] = findings.explanation()
    ran = program("explain", "ssh port", f"logs/2025-11-08.md:{line}", "--folder", folder)
    assert ran.status == 0
    assert (f"no chunk covers line {line}" in ran.err) != covered


def test_json_is_the_record_with_a_schema(
    engine: FakeEngine, program: Program, folder: Path
) -> None:
    engine.replies[ExplainRequest] = findings.explanation()
    ran = program("explain", "ssh port", "logs/a.md:31", "--folder", folder, "--json")
    answer = json.loads(ran.out)
    assert ran.status == 0
    assert (answer["schema"], answer["keyword"]["score"]) == (1, 3.0)
    assert "spellings" not in answer
    del answer["schema"]
    assert msgspec.convert(answer, Explanation) == findings.explanation()


def test_json_has_the_spellings_where_they_were_asked_for(
    engine: FakeEngine, program: Program, folder: Path
) -> None:
    engine.replies[ExplainRequest] = findings.explanation()
    engine.replies[SpellingRequest] = [SpellingSuggestion(typed="shh", near=("ssh",))]
    ran = program("explain", "shh", "a.md", "--spellings", "--folder", folder, "--json")
    assert json.loads(ran.out)["spellings"] == [{"typed": "shh", "near": ["ssh"]}]


def test_the_engine_is_asked_for_the_place(
    engine: FakeEngine, program: Program, folder: Path
) -> None:
    asked: list[ExplainRequest] = []

    def answer(request: ExplainRequest) -> Explanation:
        asked.append(request)
        return findings.explanation()

    engine.replies[ExplainRequest] = answer
    ran = program("explain", "ssh", folder / "a.md:31", "--syntax", "--folder", folder)
    assert (ran.status, ran.err) == (0, "")
    assert "KEYWORD  #3 of 57" in ran.out
    assert "\x1b" not in ran.out
    assert asked == [
        ExplainRequest(text="ssh", syntax="operators", target=Target(path="a.md", line=31))
    ]


def test_a_note_without_chunks_is_status_1_and_leads_to_why(
    engine: FakeEngine, program: Program, folder: Path
) -> None:
    def refuse(_: ExplainRequest) -> Explanation:
        raise EngineRefused(Problem(message="a.md is not indexed"), 404)

    engine.replies[ExplainRequest] = refuse
    ran = program("explain", "ssh", "a.md", "--folder", folder)
    assert (ran.status, ran.out) == (1, "")
    assert "a.md is not indexed (`membrowse why` tells more)" in ran.err


def test_a_bar_is_filled_in_eighths_and_cells_are_exact() -> None:
    assert [bar(share, 2) for share in (0.0, 0.25, 1.0, 7.0, -1.0)] == [
        "  ",
        "▌ ",
        "██",
        "██",
        "  ",
    ]
    assert [padded(text, 4) for text in ("a", "abcdef", "部署部署", "\x1b[m")] == [
        "a   ",
        "abc…",
        "部 …",
        "␛[m ",
    ]
