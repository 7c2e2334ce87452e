"""A search response as a page: layout by width, and text that cannot act."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rich.cells import cell_len

from membrowse.presentation.query import query_line
from membrowse.presentation.search import search_page
from membrowse.wire.notes import Freshness
from membrowse.wire.search import MatchStrength, Query, QueryDate, RankingState, SearchResponse
from tests.cli.hostile import HOSTILE, acts
from tests.presentation.pages import text_of
from tests.standin.replies import hit, ranking, response

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


def lines(one: SearchResponse, width: int) -> list[str]:
    return text_of(search_page(one, NOW, width)).splitlines()


@pytest.mark.parametrize("width", [100, 120, 250])
def test_wide_pages_show_three_rankings_side_by_side(width: int) -> None:
    heads = [line for line in lines(response(), width) if "KEYWORD" in line]
    assert len(heads) == 1
    assert heads[0].index("KEYWORD") < heads[0].index("VECTOR") < heads[0].index("RERANKED")


@pytest.mark.parametrize("width", [40, 80, 99])
def test_narrow_pages_show_them_one_below_another_with_snippets(width: int) -> None:
    shown = lines(response(), width)
    assert sum("KEYWORD" in line for line in shown) == 1
    assert not any("KEYWORD" in line and "VECTOR" in line for line in shown)
    assert any("the deploy script" in line for line in shown)


@pytest.mark.parametrize("width", [40, 80, 100, 137, 250])
def test_no_line_is_wider_than_the_page(width: int) -> None:
    wide = hit(1, title="部署" * 60, heading="标题" * 60, path="x" * 300, snippet="文" * 300)
    message = "loading, " * 40
    one = response(
        rankings={
            "keyword": ranking((wide, hit(2))),
            "vector": ranking(state=RankingState.LOADING, message=message),
            "reranked": ranking((wide,)),
        }
    )
    assert max(cell_len(line) for line in lines(one, width)) <= width


def test_a_collection_is_called_by_its_name_and_its_roots_stay() -> None:
    roots = {"runbooks": "run"}
    text = text_of(search_page(response(hits=1), NOW, 104, "collection ops", roots))
    assert text.startswith(" collection ops ")
    assert "runboo…/deploy-1.md:3" in text


def test_each_hit_tells_its_place_and_its_ranks_elsewhere() -> None:
    text = "\n".join(lines(response(hits=1), 120))
    assert "runbooks/deploy-1.md:3" in text
    assert "v4 f2 r–" in text
    assert "8mo" in text


def test_the_reranked_column_shows_how_a_hit_moved() -> None:
    ranks = {"keyword": 1, "vector": 1, "fused": 5}
    moved = hit(2, ranks=ranks | {"reranked": 2})
    fallen = hit(9, ranks=ranks | {"reranked": 9})
    text = "\n".join(lines(response(rankings={"reranked": ranking((moved, fallen))}), 120))
    assert "▲3" in text
    assert "▼4" in text


def test_a_changed_or_deleted_note_is_marked() -> None:
    hits = (hit(1, freshness=Freshness.CHANGED), hit(2, freshness=Freshness.DELETED))
    text = "\n".join(lines(response(rankings={"keyword": ranking(hits)}), 120))
    assert "! changed" in text
    assert "✗ deleted" in text


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (40, "RERANKED  weak match"),
        (90, "RERANKED  weak match in words and meaning"),
        (120, "RERANKED  weak match"),
        (160, "RERANKED  weak match in words and meaning"),
    ],
)
def test_weak_matches_are_named_at_the_head_of_their_column(width: int, said: str) -> None:
    weak = MatchStrength(weak=True, cosine=0.2, coverage=0.1)
    found = {name: ranking((hit(),)) for name in ("keyword", "vector")}
    one = response(rankings=found | {"reranked": ranking((hit(),), strength=weak)})
    assert any(said in line for line in lines(one, width))
    good = response(
        rankings={
            "reranked": ranking(
                (hit(),), strength=MatchStrength(weak=False, cosine=0.7, coverage=0.9)
            )
        }
    )
    assert not any("weak" in line for line in lines(good, width))


def test_a_ranking_of_another_name_is_a_column_too() -> None:
    one = response(rankings={"keyword": ranking((hit(),)), "agent": ranking((hit(),))})
    assert any("KEYWORD" in line and "AGENT" in line for line in lines(one, 120))


def test_a_response_without_any_ranking_is_no_error() -> None:
    assert lines(response(rankings={}), 120)


def test_a_ranking_that_failed_says_why_in_its_place() -> None:
    failed = ranking(state=RankingState.FAILED, message="the model is damaged")
    text = "\n".join(
        lines(response(rankings={"keyword": ranking((hit(),)), "vector": failed}), 120)
    )
    assert "failed" in text
    assert "the model is damaged" in text


@pytest.mark.parametrize("width", [80, 120])
def test_hostile_text_is_shown_and_does_nothing(width: int) -> None:
    bad = hit(1, title=HOSTILE, heading=HOSTILE, path=HOSTILE, snippet=HOSTILE, date=HOSTILE)
    one = response(
        folder=HOSTILE,
        query=Query(text=HOSTILE, syntax="literal", dropped=(HOSTILE,), filters=(HOSTILE,)),
        rankings={HOSTILE: ranking((bad,), message=HOSTILE), "keyword": ranking((bad,))},
    )
    text = "\n".join(lines(one, width))
    assert not acts(text)
    assert "[31m" in text


def test_the_query_line_shows_what_a_date_is_read_as() -> None:
    dates = (QueryDate(typed="last Tuesday", meaning="2026-11-17"),)
    line = query_line(Query(text="last Tuesday", syntax="literal", dates=dates), 80)
    assert "last Tuesday → 2026-11-17" in "".join(part.text for part in line)
