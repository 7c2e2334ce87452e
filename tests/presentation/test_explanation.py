"""An explanation as lines: every figure, in the width that there is, from text that cannot act."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec
import pytest
from rich.cells import cell_len

from membrowse.presentation.explanation import Spellings, explanation_lines, explanation_page
from membrowse.wire.explanation import Explanation, IndexedVersion, SpellingSuggestion
from membrowse.wire.notes import Freshness
from membrowse.wire.search import RankingState
from tests.cli.hostile import HOSTILE, acts, filled
from tests.presentation.pages import text_of
from tests.standin import replies

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


def page(explanation: Explanation, width: int = 80, spellings: Spellings = None) -> str:
    return text_of(explanation_page(explanation, spellings, NOW, width))


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_sections_follow_the_rankings_and_nothing_is_cut(width: int) -> None:
    lines = page(replies.explanation(), width).splitlines()
    heads = [line.split()[0] for line in lines if re.match(" [A-Z]{4}", line)]
    assert heads == ["KEYWORD", "VECTOR", "FUSED", "RERANKED", "TIME", "INDEX"]
    assert max(map(cell_len, lines)) <= width
    assert not any(line.endswith("…") for line in lines)


def test_it_begins_with_the_chunk_its_age_and_the_query() -> None:
    lines = page(replies.explanation()).splitlines()
    assert lines[0].startswith(" logs/2025-11-08.md:31-34  ")
    assert lines[0].endswith("  2026-03-02   8mo")
    assert lines[1:3] == [" Deploy › A › B", " / which ports does staging ssh use?"]


def test_every_share_has_a_bar_and_its_figures() -> None:
    text = page(replies.explanation(), 100)
    assert "   ports           ━━━━━━━━━━━━━━━━━━━━     3.000  body ×3, headings" in text
    assert "read as port · in 41 chunks" in text
    assert "body 2.500: idf 3.200, 3 × at 2, 10, 41, length 80 (mean 110.5), weight 1\n" in text
    assert "not in this chunk: ssh 9\n" in text
    assert "k8 is in no chunk\n" in text
    assert "stop words left out: which, does" in text
    assert "   vector          ━━━━━━━━━━━━━━━─────      .375  0.5 × .750 · #4\n" in text
    assert "   MaxSim          ━━━━━━━━━━━━━───────      .600  0.6 × 1.000\n" in text
    assert "   fused           ━━━━━━━─────────────      .330  0.4 × .830 · #2\n" in text
    assert "   port            ━━━━━━━━━━━━━━╸─────      .540  → ports (header)  .900 × .6" in text
    assert "   ⟦端⟧            ━━━━━╸──────────────      .200  → 2222 unknown  .500 × .400" in text
    assert " RERANKED  #1 ▲1 " in text


def test_what_is_wrong_is_said() -> None:
    missed = replies.vector(hnsw_missed=True, hnsw_rank=None, unknown=0.66, effect="counts 0.17")
    outside = replies.reranked(
        in_pool=False, rank=80, score=None, raw=None, movement=0, fused_rank=80, tokens=()
    )
    diff = ("--- indexed", "+++ file", *(f"+line {n}" for n in range(60)))
    indexed = IndexedVersion(generation=12, indexed_at="", freshness=Freshness.CHANGED, diff=diff)
    text = page(replies.explanation(vector=missed, reranked=outside, indexed=indexed))
    assert " ! HNSW missed it: #4 by its own vector, not in HNSW's first 10\n" in text
    assert " ! counts 0.17\n" in text and "66%" not in text
    assert "beyond the pool: fused #80, and only the first 50 are reranked" in text
    assert "! file changed since" in text
    assert all(f"   +line {n}\n" in text for n in range(60))


def test_in_brief_the_rest_of_a_diff_is_counted() -> None:
    diff = tuple(f"+line {n}" for n in range(60))
    indexed = IndexedVersion(generation=12, indexed_at="", freshness=Freshness.CHANGED, diff=diff)
    text = text_of(explanation_lines(replies.explanation(indexed=indexed), None, NOW, 80))
    assert "+line 7\n   … 52 more lines of the diff\n" in text
    assert "idf" not in text and "between" not in text


def test_a_ranking_that_is_not_ready_says_why() -> None:
    off = replies.vector(
        state=RankingState.FAILED,
        message="the model is damaged",
        rank=None,
        score=None,
        cosine=None,
    )
    assert "! failed: the model is damaged" in page(replies.explanation(vector=off))


def test_without_a_pool_nothing_is_outside_it() -> None:
    off = replies.reranked(
        state=RankingState.OFF,
        message="not reranked, in fused order: switched off",
        pool=0,
        in_pool=False,
        score=None,
        raw=None,
        tokens=(),
    )
    text = page(replies.explanation(reranked=off))
    assert "! off: not reranked, in fused order: switched off" in text
    assert "pool" not in text


def test_similar_words_are_named_if_they_were_looked_for() -> None:
    spelling = SpellingSuggestion(typed="k8", near=("k8s", "k9"))
    assert "k8 is in no chunk; similar: k8s, k9" in page(replies.explanation(), 80, [spelling])
    assert "k8 is in no chunk\n" in page(replies.explanation())
    assert "k8 is in no chunk; no similar word" in page(replies.explanation(), spellings=[])
    keyword = replies.explanation().keyword
    known = msgspec.structs.replace(keyword, terms=keyword.terms[:1])
    text = page(replies.explanation(keyword=known), spellings=[])
    assert "every word of the query is in some note" in text


@pytest.mark.parametrize("width", [80, 120])
def test_hostile_text_is_shown_and_does_nothing(width: int) -> None:
    hostile = filled(replies.explanation(), HOSTILE)
    text = page(hostile, width, [SpellingSuggestion(typed=HOSTILE, near=(HOSTILE,))])
    assert not acts(text)
    assert "[31m" in text
    assert max(map(cell_len, text.splitlines())) <= width
