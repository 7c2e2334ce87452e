"""Recalls and replays as lines."""

from __future__ import annotations

import pytest

from membrowse.presentation.lines import cells, plain
from membrowse.presentation.recalls import replay_head, replay_line
from membrowse.wire.recalls import ReplayedHit, ReplayedRecall


@pytest.mark.parametrize("width", [77, 117, 197])
def test_a_replayed_question_stands_under_the_names_of_its_columns(width: int) -> None:
    lost = ReplayedHit(path="logs/a.md", start_line=6, rank=8)
    recall = ReplayedRecall(
        id="r1",
        at="2026-11-20T10:40:00Z",
        agent="keeper",
        query="which port does staging ssh listen on, and since when is it that one?",
        k=6,
        then=6,
        now=6,
        took_ms=3.0,
        same_top=False,
        overlap=0.17,
        rank_biased_overlap=0.5,
        lost=(lost,),
    )
    head, line = plain(replay_head(width)), plain(replay_line(recall, width))
    assert head.index("over") + len("over") == line.index(".17") + len(".17")
    assert head.index("RBO") + len("RBO") == line.index(".50") + len(".50")
    assert head.index("query") == line.index("which")
    assert head.index("− lost") == line.index("− logs/a.md:6 (#8)")
    assert cells(replay_line(recall, width)) == width
