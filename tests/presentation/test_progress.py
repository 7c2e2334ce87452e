"""The engine's work as text."""

from __future__ import annotations

import pytest

from membrowse.presentation.progress import reading_text
from membrowse.wire.engine import EngineState, Pending, Progress
from tests.standin.replies import state

NEW = Pending(new=140, changed=6, deleted=3)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (state(), ""),
        (state(reading=True), "Reading the notes…"),
        (state(reading=True, progress=Progress(phase="scanning")), "Reading the notes…"),
        (state(reading=True, pending=NEW), "Reading 146 notes…"),
        (
            state(
                reading=True,
                pending=NEW,
                progress=Progress(phase="reading", notes_done=40, notes_total=146),
            ),
            "Reading 40 of 146 notes…",
        ),
        (state(reading=True, problem="the folder cannot be read"), ""),
    ],
)
def test_the_first_pass_says_how_far_it_is(told: EngineState, said: str) -> None:
    assert reading_text(told) == said
