"""A diagnosis as lines: verdict, steps, suggestions."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from membrowse.presentation.diagnosis import diagnosis_page
from membrowse.wire.diagnosis import DiagnosisReport
from tests.cli.hostile import HOSTILE, acts, filled
from tests.presentation.pages import text_of
from tests.standin import replies


def page(report: DiagnosisReport, width: int = 80, *, suggest: bool = True) -> str:
    return text_of(diagnosis_page(report, width, suggest=suggest))


def test_the_verdict_is_first_and_each_step_is_a_line_with_a_mark() -> None:
    text = page(replies.why())
    verdict = "✗ decisions/ssh.md:14 is #11, since the reranker takes it down 3 places.\n"
    assert text.startswith(verdict)
    assert " / ssh port\n" in text
    assert "◎ decisions/ssh.md:14   k11 v4 f2 r–   ✗ outside the agent's cut (k 5)" in text
    assert "top 5 · generation 12 · 1.5 s\n" in text
    assert "✓ passes   in folder          it is in the folder\n" in text
    assert "! weak     keyword       #14  2 of 5 words match nothing in it\n" in text
    assert f"\n{'':28}│ missing: bastion, inbound\n" in text
    assert "✗ fails    reranked      #11  the reranker takes it down 3 places\n" in text
    assert "– skipped  agent's cut\n" in text


def test_suggestions_come_with_their_rank_and_what_they_break() -> None:
    text = page(replies.why())
    assert "SUGGESTIONS   each was run · 41 tried\n" in text
    assert "#3   setting  fusion.weight 0.5 → 0.62       ! breaks 2 of 41 pins, fixes 1\n" in text
    assert "breaks: g03, g07\n" in text
    assert "fixes: g09\n" in text
    assert '#5   query    add "bastion" to the query\n' in text
    assert '#2   note     add "staging" to the heading   breaks 0 of 41 pins\n' in text
    assert "decisions/ssh.md:12\n" in text
    assert "− ## SSH\n" in text
    assert "+ ## SSH staging\n" in text


def test_the_absence_of_a_suggestion_is_said_too() -> None:
    text = page(replies.why(suggestions=(), unfinished="3 s were not enough for all"))
    assert "Nothing that was tried brings it into the first 5." in text
    assert "! 3 s were not enough for all" in text
    assert "No setting, query or heading can" in page(replies.why(suggestions=(), tried=0))
    assert "It is in the first 5 already." in page(replies.why(suggestions=(), in_top_k=True))
    assert "SUGGESTIONS" not in page(replies.why(suggestions=()), suggest=False)


@pytest.mark.parametrize("width", [80, 120, 200])
def test_long_sentences_wrap_within_the_width(width: int) -> None:
    long = filled(replies.why(), "the bastion 部署 " * 30)
    lines = page(long, width).splitlines()
    assert max(map(cell_len, lines)) <= width


def test_hostile_text_is_shown_and_does_nothing() -> None:
    text = page(filled(replies.why(), HOSTILE))
    assert not acts(text)
    assert "[31m" in text
