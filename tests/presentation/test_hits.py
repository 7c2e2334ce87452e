"""Hits as rows and as lines of the matrix."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from membrowse.presentation.hits import (
    RowStyle,
    hit_lines,
    matrix_lines,
    movement,
    telling_names,
)
from membrowse.presentation.lines import cells, plain
from membrowse.presentation.ranks import letters
from membrowse.wire.notes import Freshness
from membrowse.wire.search import KEYWORD, RERANKED, VECTOR
from tests.standin.replies import a_hit

NOW = datetime(2026, 7, 20, 12, 0, tzinfo=UTC)
NAMES = (KEYWORD, VECTOR, "fused", RERANKED)


def test_movement_is_against_the_fused_ranking_within_the_pool() -> None:
    def moved(fused: int | None, reranked: int, pool: int | None = 50) -> str:
        return movement(a_hit(ranks={"fused": fused, RERANKED: reranked}), pool).text

    assert [moved(4, 1), moved(1, 3), moved(2, 2)] == ["▲3", "▼2", "="]
    assert moved(60, 51) == "" and moved(None, 1) == "" and moved(60, 51, None) == "▲9"


@pytest.mark.parametrize("width", [24, 31, 38, 64, 120])
@pytest.mark.parametrize("ranking", NAMES)
@pytest.mark.parametrize("fresh", list(Freshness))
def test_rows_have_exactly_the_width_of_their_column(
    width: int, ranking: str, fresh: Freshness
) -> None:
    style = RowStyle(ranking=ranking, letters=letters(NAMES), now=NOW, total=19_042)
    for title in ("SSH", "部署笔记" * 9, ""):
        hit = a_hit(title=title, path="很长的/路径" * 9 + ".md")
        assert [cells(line) for line in hit_lines(hit, style, width, fresh)] == [width, width]
        if width >= 64:
            assert [cells(line) for line in matrix_lines(hit, style, width, fresh)] == [
                width,
                width,
            ]


def test_a_row_says_where_the_chunk_stands_elsewhere() -> None:
    style = RowStyle(ranking=RERANKED, letters=letters(NAMES), now=NOW, total=40, pool=50)
    first, second = (plain(line) for line in hit_lines(a_hit(), style, 60, Freshness.CHANGED))
    assert "▲1" in first and ".64" in first and "Decision · SSH moved" in first and "3d" in first
    assert "decisions/ssh.md:14 ! changed" in second and "k9 v– f4" in second


def test_notes_of_one_title_are_told_apart_by_the_end_of_their_path() -> None:
    daily = [f"memory/2026-10-{day}.md" for day in (20, 21, 22)]
    hits = [a_hit(path=path, title="Daily log", heading="Notes") for path in (*daily, daily[0])]
    hits += [a_hit(path=f"{app}/README.md", title="Setup") for app in ("web", "mobile", "x/web")]
    hits += [a_hit(path="top.md", title="Top"), a_hit(path="a/top.md", title="Top")]
    hits.append(a_hit(path="ssh.md", title="SSH"))
    names = telling_names(hits)
    assert {names[path] for path in daily} == {"2026-10-20", "2026-10-21", "2026-10-22"}
    readmes = [names[f"{app}/README.md"] for app in ("web", "mobile", "x/web")]
    assert readmes == ["/web/README.md", "mobile/README", "x/web/README"]
    assert (names["top.md"], names["a/top.md"]) == ("/top.md", "a/top")
    assert len(set(names.values())) == len(names) == 8 and "ssh.md" not in names
    style = RowStyle(
        ranking=RERANKED, letters=letters(NAMES), now=NOW, total=40, pool=50, names=names
    )
    for lines in (hit_lines, matrix_lines):
        rows = {plain(lines(hit, style, 64, Freshness.CURRENT)[0]) for hit in hits[:3]}
        assert len(rows) == 3 and all("Notes · 2026-10-2" in row for row in rows)
    narrow = plain(hit_lines(hits[0], style, 36, Freshness.CURRENT)[0])
    assert "Notes · …-10-20" in narrow


def test_chunks_that_hnsw_missed_are_marked() -> None:
    style = RowStyle(
        ranking=VECTOR, letters=letters(NAMES), now=NOW, total=9, missed=frozenset({3})
    )
    assert "≠HNSW" in plain(hit_lines(a_hit(), style, 60, Freshness.CURRENT)[1])
    assert "≠HNSW" in plain(matrix_lines(a_hit(), style, 80, Freshness.CURRENT)[0])


def test_unknown_rankings_get_short_names_that_are_free() -> None:
    found = letters([*NAMES, "agent", "kept", "agenda"])
    assert found["agent"] == "a" and found["kept"] == "ke" and len(set(found.values())) == 7
