"""A recall on a terminal: layout by width, and text that cannot act."""

from __future__ import annotations

import datetime
import re

import pytest
from rich.cells import cell_len

from membrowse.cli import rendering
from membrowse.wire.notes import Freshness
from membrowse.wire.search import Query, RankingState, SearchResponse
from tests.standin.replies import hit, ranking, recall

TODAY = datetime.date(2026, 11, 22)
HOSTILE = "a\x1b[31mb\x1b]52;c;aGk=\x07\u202e\x9b[/tmp][bold]:smile:\ttab\nline"
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def lines(one: SearchResponse, columns: int) -> list[str]:
    text = rendering.for_terminal(one, columns, TODAY)
    return STYLE.sub("", text).splitlines()


@pytest.mark.parametrize("columns", [100, 120, 250])
def test_wide_terminals_show_three_rankings_side_by_side(columns: int) -> None:
    heads = [line for line in lines(recall(), columns) if "KEYWORD" in line]
    assert len(heads) == 1
    assert heads[0].index("KEYWORD") < heads[0].index("VECTOR") < heads[0].index("RERANKED")


@pytest.mark.parametrize("columns", [40, 80, 99])
def test_narrow_terminals_show_them_one_below_another_with_snippets(columns: int) -> None:
    shown = lines(recall(), columns)
    assert sum("KEYWORD" in line for line in shown) == 1
    assert not any("KEYWORD" in line and "VECTOR" in line for line in shown)
    assert any("the deploy script" in line for line in shown)


@pytest.mark.parametrize("columns", [40, 80, 100, 137, 250])
def test_no_line_is_wider_than_the_terminal(columns: int) -> None:
    wide = hit(1, title="部署" * 60, heading="标题" * 60, path="x" * 300, snippet="文" * 300)
    message = "loading, " * 40
    one = recall(
        rankings={
            "keyword": ranking((wide, hit(2))),
            "vector": ranking(state=RankingState.LOADING, message=message),
            "reranked": ranking((wide,)),
        }
    )
    assert max(cell_len(line) for line in lines(one, columns)) <= columns


def test_each_hit_tells_its_place_and_its_ranks_elsewhere() -> None:
    text = "\n".join(lines(recall(hits=1), 120))
    assert "runbooks/deploy-1.md:3" in text
    assert "v4 f2 r–" in text
    assert "8mo" in text


def test_the_reranked_column_shows_how_a_hit_moved() -> None:
    ranks = {"keyword": 1, "vector": 1, "fused": 5}
    moved = hit(2, ranks=ranks | {"reranked": 2})
    fallen = hit(9, ranks=ranks | {"reranked": 9})
    text = "\n".join(lines(recall(rankings={"reranked": ranking((moved, fallen))}), 120))
    assert "▲3" in text
    assert "▼4" in text


def test_a_changed_or_deleted_note_is_marked() -> None:
    hits = (hit(1, freshness=Freshness.CHANGED), hit(2, freshness=Freshness.DELETED))
    text = "\n".join(lines(recall(rankings={"keyword": ranking(hits)}), 120))
    assert "! changed" in text
    assert "! deleted" in text


def test_a_ranking_of_another_name_is_a_column_too() -> None:
    one = recall(rankings={"keyword": ranking((hit(),)), "agent": ranking((hit(),))})
    assert any("KEYWORD" in line and "AGENT" in line for line in lines(one, 120))


def test_a_recall_without_any_ranking_is_no_error() -> None:
    assert lines(recall(rankings={}), 120)


def test_a_ranking_that_failed_says_why_in_its_place() -> None:
    failed = ranking(state=RankingState.FAILED, message="the model is damaged")
    text = "\n".join(lines(recall(rankings={"keyword": ranking((hit(),)), "vector": failed}), 120))
    assert "failed" in text
    assert "the model is damaged" in text


@pytest.mark.parametrize("columns", [80, 120])
def test_hostile_text_is_shown_and_does_nothing(columns: int) -> None:
    bad = hit(1, title=HOSTILE, heading=HOSTILE, path=HOSTILE, snippet=HOSTILE, date=HOSTILE)
    one = recall(
        folder=HOSTILE,
        query=Query(text=HOSTILE, syntax="literal", dropped=(HOSTILE,), filters=(HOSTILE,)),
        rankings={HOSTILE: ranking((bad,), message=HOSTILE), "keyword": ranking((bad,))},
    )
    text = rendering.for_terminal(one, columns, TODAY)
    assert not set(STYLE.sub("", text)) & set("\x1b\x07\u202e\x9b\t\r")
    assert "[31m" in STYLE.sub("", text)


def test_no_colour_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    styles = STYLE.findall(rendering.for_terminal(recall(), 120, TODAY))
    assert not [style for style in styles if re.search(r"\b(3[0-7]|9[0-7])\b", style)]


@pytest.mark.parametrize(
    ("date", "age"),
    [
        ("2026-11-20", "2d"),
        ("2026-07-20", "4mo"),
        ("2023-11-01", "3y"),
        ("2026-11-20T10:00:00Z", "2d"),
        ("", ""),
        ("soon", ""),
    ],
)
def test_ages_are_short(date: str, age: str) -> None:
    assert rendering.age(date, TODAY) == age
