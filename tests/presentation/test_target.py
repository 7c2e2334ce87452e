"""How a target fared, in a line."""

from __future__ import annotations

import msgspec
import pytest

from membrowse.presentation.lines import plain
from membrowse.presentation.ranks import letters
from membrowse.presentation.target import target_line
from membrowse.wire.search import RANKINGS, CutOrigin, Target, TargetMatch
from tests.standin.replies import hit

STILL = "69 of 85 chunks still to encode"
SECOND = TargetMatch(
    label="ssh.md",
    hit=hit(2, ranks={"keyword": 1, "vector": None, "fused": 1, "reranked": 2}),
    k=5,
    passes=True,
)


def line(match: TargetMatch, **changes: object) -> str:
    found = msgspec.structs.replace(match, **changes)
    return plain(target_line(Target(path="ssh.md"), found, letters(RANKINGS), 160))


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        (CutOrigin.AGENT, "✓ within the agent's cut (k 5)"),
        (CutOrigin.DEFAULT, "✓ within the top 5 (default)"),
        (CutOrigin.REQUEST, "✓ within the top 5"),
    ],
)
def test_the_cut_is_the_agents_only_if_its_settings_are_set(cut: CutOrigin, said: str) -> None:
    assert line(SECOND, cut=cut).endswith(said)
    outside = line(SECOND, cut=cut, passes=False, k=1)
    assert outside.endswith(said.replace("✓ within", "✗ outside").replace("5", "1"))


def test_a_verdict_that_may_change_does_not_look_final() -> None:
    within = line(SECOND, cut=CutOrigin.DEFAULT, provisional=STILL)
    assert within.endswith(f"… within the top 5 (default) so far; {STILL}")
    outside = line(SECOND, passes=False, k=1, provisional=STILL)
    assert outside.endswith(f"… outside the agent's cut (k 1) so far; {STILL}")
    absent = line(SECOND, hit=None, passes=False, provisional="146 notes still to read")
    assert absent.endswith("… not indexed so far; 146 notes still to read")
    for text in (within, outside, absent):
        assert not set("✓✗") & set(text)


def test_a_target_without_a_chunk_says_why_once_that_is_final() -> None:
    text = line(SECOND, hit=None, passes=False, reason="the folder has no file ssh.md")
    assert text.endswith("✗ in no ranking: the folder has no file ssh.md")
