"""Where a store did not count all that may rank higher, a rank is a lower bound and says so."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from membrowse.presentation.explanation import explanation_page
from membrowse.presentation.hits import RowStyle, hit_lines, matrix_lines
from membrowse.presentation.lines import plain
from membrowse.presentation.pins import pin_page
from membrowse.presentation.ranks import letters
from membrowse.presentation.search import search_page
from membrowse.presentation.target import target_line
from membrowse.wire.notes import Freshness
from membrowse.wire.search import RANKINGS, RERANKED, VECTOR, Target, TargetMatch
from tests.presentation.pages import text_of
from tests.standin import replies

NOW = datetime(2026, 7, 20, 12, 0, tzinfo=UTC)
RANKS = {"keyword": 9, "vector": 401, "fused": 4, "reranked": 412}
HIT = replies.a_hit(ranks=RANKS, rank=412, at_least=(VECTOR, RERANKED), exact=False)


def test_a_row_has_the_sign_at_each_rank() -> None:
    style = RowStyle(ranking=RERANKED, letters=letters(RANKINGS), now=NOW, total=400)
    _, second = (plain(line) for line in hit_lines(HIT, style, 80, Freshness.CURRENT))
    assert second.endswith("≥#412 k9 v≥401 f4")
    assert "≥401" in plain(matrix_lines(HIT, style, 100, Freshness.CURRENT)[0])


def test_a_target_and_a_pin_have_it() -> None:
    match = TargetMatch(label="ssh.md", hit=HIT, k=5, passes=False)
    line = plain(target_line(Target(path="ssh.md"), match, letters(RANKINGS), 120))
    assert "k9 v≥401 f4 r≥412" in line
    pinned = replies.result("g01", 412, ranks=RANKS, at_least=(VECTOR, RERANKED))
    facts = text_of(pin_page(pinned, 120))
    assert "keyword #9 vector ≥#401 fused #4 reranked ≥#412" in facts


def test_a_column_says_that_it_lists_only_the_best() -> None:
    listed = replace(replies.response().rankings["keyword"], total=400, exact=False)
    response = replies.response(rankings={"keyword": listed})
    assert "≥400" in text_of(search_page(response, NOW, 80))


def test_an_explanation_has_it_at_each_section() -> None:
    explanation = replies.explanation()
    changed = replace(
        explanation,
        hit=replace(explanation.hit, at_least=("keyword", "fused")),
        fused=replace(explanation.fused, complete=False),
    )
    text = text_of(explanation_page(changed, None, NOW, 80))
    heads = {line.split()[0]: line for line in text.splitlines() if line[1:5].isupper()}
    assert "≥#" in heads["KEYWORD"] and "≥#" in heads["FUSED"]
    assert "≥#" not in heads["VECTOR"]
    assert "of ≥" in heads["FUSED"] and "of ≥" not in heads["KEYWORD"]
