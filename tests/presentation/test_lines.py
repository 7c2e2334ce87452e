"""Lines of parts: clipped, fitted, wrapped, in cells."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from membrowse.presentation.lines import (
    Line,
    Part,
    bar_parts,
    cells,
    clip,
    clip_path,
    clip_start,
    first_lines,
    fit,
    flowed,
    hanging,
    root_beginnings,
    spread,
    wrapped,
)


def text_of(line: Line) -> str:
    return "".join(part.text for part in line)


@pytest.mark.parametrize(
    "text", ["部署笔记在这里", "ssh", "🦀🦀🦀 crab", "é" * 40, "", "ab" * 3000]
)
@pytest.mark.parametrize("width", [0, 1, 2, 5, 9, 30])
def test_text_is_cut_to_cells(text: str, width: int) -> None:
    for cut in (clip(text, width), clip_start(text, width)):
        assert cell_len(cut) <= width
    assert cells(fit([Part(text)], width)) == width
    assert cells(spread([Part(text)], [Part("right")], max(width, 12))) == max(width, 12)


@pytest.mark.parametrize(
    ("path", "width", "cut"),
    [
        ("workspace/memory/2026-03-01.md:4", 32, "workspace/memory/2026-03-01.md:4"),
        ("workspace/ports.md:4", 18, "worksp…/ports.md:4"),
        ("workspace/memory/2026-03-01.md:4", 31, "workspace/…/2026-03-01.md:4"),
        ("workspace/memory/2026-03-01.md:4", 26, "wor…/…/2026-03-01.md:4"),
        ("workspace/memory/2026-03-01.md:4", 20, "wor…/2026-03-01.md:4"),
        ("workspace/memory/2026-03-01.md:4", 18, "wor…/…6-03-01.md:4"),
        ("workspace/memory/2026-03-01.md:4", 9, "…-01.md:4"),
        ("team-a/ports.md:2", 14, "team-a/…s.md:2"),
        ("team-b/old/ports.md:2", 18, "team-b/…ports.md:2"),
        ("other/old/ports.md:2", 16, "…/old/ports.md:2"),
    ],
)
def test_a_short_path_keeps_the_root_of_a_collection(path: str, width: int, cut: str) -> None:
    roots = root_beginnings(["workspace", "team-a", "team-b", "ops"])
    assert roots == {"workspace": "wor", "team-a": "team-a", "team-b": "team-b", "ops": "ops"}
    assert clip_path(path, width, roots) == cut
    assert clip_path(path, width) == clip_path(path, width, {"another": "ano"})


def test_bars_keep_their_width() -> None:
    for share in (-1.0, 0.0, 0.1, 0.5, 0.99, 1.0, 7.0):
        assert cells(bar_parts(share, 4)) == 4
    assert text_of(bar_parts(0.5, 4)) == "━━──"


@pytest.mark.parametrize("width", [1, 2, 3, 8, 30])
def test_wrapping_loses_nothing(width: int) -> None:
    line = [
        Part("a word, "),
        Part("«部署笔记»", "mark"),
        Part(" and averyveryverylongword ."),
        Part(""),
    ]
    lines = wrapped(line, max(2, width))
    assert "".join(map(text_of, lines)) == text_of(line)
    visible = [cells([Part(text_of(part).rstrip(" "))]) for part in lines]
    assert max(visible) <= max(2, width), "only a space may hang over"


def test_a_word_of_several_styles_is_not_broken() -> None:
    line = [Part("lets only the bastion "), Part("in", "heat"), Part(". Then")]
    assert [text_of(part) for part in wrapped(line, 24)] == ["lets only the bastion ", "in. Then"]


def test_groups_are_broken_between_them_or_at_words_if_one_is_too_wide() -> None:
    groups = [[Part("keyword 3 ms")], [Part("vector 6 ms")], [Part("a group that is too wide")]]
    lines = [text_of(line).rstrip() for line in flowed(groups, 14)]
    assert lines == ["keyword 3 ms", "vector 6 ms", "a group that", "is too wide"]
    assert text_of(flowed(groups, 80)[0]).count(" · ") == 2


def test_text_hangs_beside_its_lead_or_below_it_if_there_is_no_room() -> None:
    lead, text = [Part("#3  setting  ")], [Part("fusion.weight 0.5 → 0.62")]
    beside = [text_of(line).rstrip() for line in hanging(lead, text, 30)]
    assert beside == ["#3  setting  fusion.weight 0.5", "             → 0.62"]
    below = [text_of(line).rstrip() for line in hanging(lead, text, 28)]
    assert below == ["#3  setting", "    fusion.weight 0.5 → 0.62"]


@pytest.mark.parametrize("width", range(1, 14))
def test_a_line_that_is_cut_ends_in_an_ellipsis(width: int) -> None:
    parts = [Part("one"), Part(" "), Part("two", "mark"), Part("  "), Part("部署")]
    text = text_of(parts)
    cut = text_of(fit(parts, width)).rstrip(" ")
    assert cut == text if width == 13 else cut.endswith("…") and text.startswith(cut[:-1])
    assert text_of(fit([Part("one"), Part("   ")], 4)) == "one ", "no text is lost"


@pytest.mark.parametrize("width", range(1, 21))
def test_a_path_that_is_cut_begins_with_an_ellipsis(width: int) -> None:
    path = "decisions/0004-poll.md"
    assert clip_path(path, width).startswith("…") and cell_len(clip_path(path, width)) <= width
    assert clip_path(path, 14) == "…/0004-poll.md" and clip_path(path, 13) == "…0004-poll.md"


def test_the_first_lines_say_that_there_are_more() -> None:
    lines = [[Part("first")], [Part("second")], [Part("third")]]
    assert [text_of(line) for line in first_lines(lines, 2, 8)] == ["first", "second …"]
    assert first_lines(lines, 3, 8) == lines
