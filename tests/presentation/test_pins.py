"""Pins as lines: a run with its measures, a list, one pin."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from membrowse.presentation.pins import list_page, pin_page, run_page
from membrowse.wire.pins import PinRun
from membrowse.wire.search import Filters
from tests.cli.hostile import HOSTILE, acts, filled
from tests.presentation.pages import text_of
from tests.standin import replies

PASSING = replies.result("g01", 1)
FALLEN = replies.result("g02", 9, before=4)
LOST = replies.result("g03", None, problem="the text was edited away")


def page(run: PinRun, width: int = 80) -> str:
    return text_of(run_page(run, width))


def test_measures_come_first_and_then_each_failing_pin_with_rank_and_problem() -> None:
    text = page(replies.run(PASSING, FALLEN, LOST), 100)
    assert text.startswith(" 1 of 3 pins pass · generation 12\n /notes/golden.jsonl\n")
    assert " reranked       .50   .75   .60\n" in text
    assert "\n FAILING   2\n" in text
    assert "✗ fails     #9  #4 → #9 ▼5 " in text
    facts = "decisions/ssh.md · id g02 · k 5 · keyword #2 vector #1 fused #3 reranked #9\n"
    assert f"         {facts}" in text
    assert "✗ fails      –  " in text
    assert "         ! the text was edited away\n" in text
    assert "g01" not in text


def test_a_list_has_every_pin_as_in_the_file_with_its_id() -> None:
    filtered = replace(PASSING, pin=replace(PASSING.pin, filters=Filters(root="team")))
    lines = text_of(list_page(replies.run(FALLEN, filtered), 100)).splitlines()
    assert "  ssh port · only root:team" in lines[4] and "only" not in lines[3]
    assert lines[0].startswith(" 1 of 2 pins pass   reranked R@1 .50 R@5 .75 MRR .60")
    assert lines[3].startswith("✗ fails     #9  #4 → #9 ▼5 ")
    assert lines[4].startswith("✓ passes    #1  ")
    assert [line.split("  ssh port")[0].split()[-1] for line in lines[3:]] == ["g02", "g01"]


def test_a_long_path_keeps_the_root_of_a_collection() -> None:
    pins = [
        replace(
            FALLEN, pin=replace(FALLEN.pin, path=f"{root}/memory/decisions/of-last-year/ssh.md")
        )
        for root in ("work", "home")
    ]
    roots = {"work": "wor", "home": "hom"}
    lists = (list_page, run_page)
    pages = [text_of(each(replies.run(*pins), 110, roots)) for each in lists]
    for text in (*pages, "".join(text_of(pin_page(pin, 110, roots)) for pin in pins)):
        assert "  work/…/" in text and "  home/…/" in text


def test_nothing_is_a_verdict_while_the_folder_is_read() -> None:
    early = replace(replies.run(PASSING, LOST), provisional="84 notes still to read")
    for text in (page(early, 100), text_of(list_page(early, 100))):
        assert text.startswith(" 1 of 2 pins pass so far; 84 notes still to read")
        assert "… not yet" in text
        assert not any(word in text for word in ("fails", "FAILING", "✗", "passes"))


def test_one_pin_is_counted_as_one() -> None:
    assert page(replies.run(PASSING)).startswith(" 1 of 1 pin passes")


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_no_line_is_wider_than_the_page(width: int) -> None:
    long = filled(replies.run(PASSING, FALLEN, LOST), "the bastion 部署 " * 9)
    pages = (run_page(long, width), list_page(long, width), pin_page(long.results[0], width))
    assert max(cell_len(line) for each in pages for line in text_of(each).splitlines()) <= width


def test_hostile_text_is_shown_and_does_nothing() -> None:
    hostile = filled(replies.run(FALLEN, LOST), HOSTILE)
    assert not acts(page(hostile) + text_of(list_page(hostile, 100)))
    assert not acts(text_of(pin_page(hostile.results[0], 100)))
