"""What changed between two states of a text."""

from __future__ import annotations

import time
from difflib import unified_diff

from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from membrowse.notes.text_diff import LONGEST_LINE, MOST_LINES, difference

LINES = st.lists(st.sampled_from(["", "a", "b", "c", "d"]), max_size=30)


@given(before=LINES, after=LINES)
@effort(max_examples=100, deadline=None)
def test_the_hunks_turn_one_into_the_other(before: list[str], after: list[str]) -> None:
    found = difference(before, after)
    assert (not found) == (before == after)
    rest, made, at = list(before), [], 0
    for line in found:
        if line.startswith("@@"):
            first = int(line.split()[1][1:].split(",")[0])
            start = first if line.split()[1].endswith(",0") else first - 1
            made += rest[at:start]
            at = start
        elif line[0] == "+":
            made.append(line[1:])
        else:
            assert rest[at] == line[1:]
            made += [line[1:]] if line[0] == " " else []
            at += 1
    assert made + rest[at:] == after


def test_it_is_a_unified_diff() -> None:
    before = [str(number) for number in range(30)]
    after = [*before[:10], "new", *before[10:20], *before[21:]]
    expected = list(unified_diff(before, after, n=2, lineterm=""))[2:]
    assert list(difference(before, after)) == expected


def test_long_texts_are_compared_in_no_time_and_cut() -> None:
    before = [f"line {number} of the old text" for number in range(20_000)]
    after = [f"line {number} of a text that is new" for number in range(20_000)]
    started = time.process_time()
    found = difference(before, after)
    assert time.process_time() - started < 5
    assert len(found) == MOST_LINES
    assert found[-1] == "…"
    long = difference(["x" * 100_000], ["y" * 100_000])
    assert {len(line) for line in long[1:]} == {LONGEST_LINE}
