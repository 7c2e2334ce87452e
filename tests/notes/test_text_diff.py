"""Line diffs of two texts."""

from __future__ import annotations

import time
from difflib import unified_diff

from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from membrowse.notes.text_diff import MAX_LINE_CHARACTERS, MAX_LINES, diff_lines

LINES = st.lists(st.sampled_from(["", "a", "b", "c", "d"]), max_size=30)


@given(before=LINES, after=LINES)
@effort(max_examples=100)
def test_the_hunks_turn_before_into_after(before: list[str], after: list[str]) -> None:
    hunks = diff_lines(before, after)
    assert (not hunks) == (before == after)
    rest, rebuilt, at = list(before), [], 0
    for line in hunks:
        if line.startswith("@@"):
            first = int(line.split()[1][1:].split(",")[0])
            start = first if line.split()[1].endswith(",0") else first - 1
            rebuilt += rest[at:start]
            at = start
        elif line[0] == "+":
            rebuilt.append(line[1:])
        else:
            assert rest[at] == line[1:]
            rebuilt += [line[1:]] if line[0] == " " else []
            at += 1
    assert rebuilt + rest[at:] == after


def test_it_equals_difflibs_unified_diff() -> None:
    before = [str(number) for number in range(30)]
    after = [*before[:10], "new", *before[10:20], *before[21:]]
    expected = list(unified_diff(before, after, n=2, lineterm=""))[2:]
    assert list(diff_lines(before, after)) == expected


def test_long_texts_are_compared_quickly_and_cut() -> None:
    before = [f"line {number} of the old text" for number in range(20_000)]
    after = [f"line {number} of a text that is new" for number in range(20_000)]
    started = time.process_time()
    lines = diff_lines(before, after)
    assert time.process_time() - started < 5
    assert len(lines) == MAX_LINES
    assert lines[-1] == "…"
    long = diff_lines(["x" * 100_000], ["y" * 100_000])
    assert {len(line) for line in long[1:]} == {MAX_LINE_CHARACTERS}
