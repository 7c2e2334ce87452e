"""What the screen says, as plain values."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from membrowse.presentation.lines import (
    Line,
)
from membrowse.tui import external_programs
from membrowse.tui.keymap import Keymap
from membrowse.tui.model import folder_path, questions
from membrowse.tui.model.column_captions import column_head
from membrowse.tui.model.engine_view import EngineView, header_line
from membrowse.tui.model.list_layout import Divider, Layout
from membrowse.tui.model.open_query import OpenQuery
from membrowse.tui.model.preview_lines import preview_lines
from membrowse.tui.model.ranking_view import PAGE, RankingView, dividers
from membrowse.wire.engine import Pending, Progress, Watcher
from membrowse.wire.search import KEYWORD, RERANKED, VECTOR, MatchStrength
from tests.standin import replies
from tests.standin.engine import StandIn
from tests.standin.replies import a_ranking, a_response

NOW = datetime(2026, 7, 20, 12, 0, tzinfo=UTC)
NAMES = (KEYWORD, VECTOR, "fused", RERANKED)


def plain(line: Line) -> str:
    return "".join(part.text for part in line)


def test_the_head_of_the_reranked_column_says_when_nothing_matches_well() -> None:
    view = RankingView(RERANKED)
    strength = MatchStrength(weak=True, cosine=0.2, coverage=0.1)
    view.receive("r1", msgspec.structs.replace(a_ranking(RERANKED, "abc"), strength=strength))
    wide, narrow = (plain(column_head(view, "3", width, active=True)) for width in (60, 40))
    assert wide.startswith("▸3 RERANKED  weak match in words and meaning")
    assert narrow.startswith("▸3 RERANKED  weak match")
    view.pool = 50
    for width in range(24, 60):
        head = plain(column_head(view, "3", width, active=True))
        said = head.rstrip().removeprefix("▸3 RERANKED").removesuffix("pool 50").strip()
        assert said in ("", "weak", "weak match", "weak match in words and meaning"), head
    view.waiting = True
    assert "weak" not in plain(column_head(view, "3", 60, active=True))
    view.receive("r2", a_ranking(RERANKED, "abc"))
    assert "weak" not in plain(column_head(view, "3", 60, active=True))


def test_the_cut_falls_at_k_or_at_the_score() -> None:
    view = RankingView(RERANKED)
    view.receive("r1", a_ranking(RERANKED, "abcdefgh", pool=6))
    assert [d.after for d in dividers(view, 5, 0.0)] == [5, 6]
    assert dividers(view, 5, 0.3)[0].after == 3
    assert dividers(view, 5, 0.0)[0].label == "the top 5 (default)"
    assert dividers(view, 5, 0.0, chosen=True)[0].label == "the agent's cut (k 5)"
    assert "score .30" in dividers(view, 5, 0.3)[0].label
    assert dividers(RankingView(KEYWORD), 5, 0.0) == ()


def test_lines_and_rows_find_each_other_around_dividers() -> None:
    layout = Layout(6, 2, (Divider(2, "cut"), Divider(5, "pool")))
    assert layout.lines == 14
    for row in range(6):
        assert layout.at(layout.y(row)) == (row, 0)
        assert layout.at(layout.y(row) + 1) == (row, 1)
    assert [y for y in range(14) if isinstance(layout.at(y), Divider)] == [4, 11]
    assert layout.at(14) is None and layout.at(-1) is None


def test_pages_are_wanted_once_and_again_after_a_failure() -> None:
    view = RankingView(KEYWORD)
    view.receive("r1", a_ranking(KEYWORD, "abc", total=350))
    assert view.wanted(PAGE - 10, 2 * PAGE + 10) == [0, PAGE, 2 * PAGE]
    assert view.wanted(PAGE - 10, 2 * PAGE + 10) == []
    view.unasked(PAGE)
    assert view.wanted(PAGE - 10, 2 * PAGE + 10) == [PAGE]
    assert not view.add("r0", ())


def test_a_new_query_starts_at_the_first_row_of_the_active_ranking() -> None:
    query = OpenQuery()
    number = query.search("q", keep=False)
    assert query.receive(a_response(number, complete=False, keyword="abc")) == (KEYWORD,)
    assert query.cursor is None
    query.receive(a_response(number, keyword="abc", vector="cb", fused="cab", reranked="bca"))
    assert query.cursor is not None and query.cursor.chunk == "b"


def test_the_same_query_again_keeps_the_chunk_wherever_it_goes() -> None:
    query = OpenQuery()
    number = query.search("q", keep=False)
    query.receive(a_response(number, keyword="abc", reranked="bca"))
    query.put_cursor(RERANKED, 1)
    number = query.search("q", keep=True)
    query.receive(a_response(number, complete=False, keyword="abc"))
    assert query.cursor is not None and query.cursor.chunk == "c"
    query.receive(a_response(number, keyword="abc", reranked="abc"))
    assert query.row(RERANKED) == 2


def test_a_chunk_that_is_gone_leaves_the_cursor_on_its_row() -> None:
    query = OpenQuery()
    number = query.search("q", keep=False)
    query.receive(a_response(number, reranked="abcd"))
    query.put_cursor(RERANKED, 3)
    number = query.search("q", keep=True)
    query.receive(a_response(number, reranked="abc"))
    assert query.cursor is not None and query.cursor.chunk == "c"


def test_answers_to_earlier_questions_are_dropped() -> None:
    query = OpenQuery()
    first = query.search("one", keep=False)
    query.search("two", keep=False)
    assert query.receive(a_response(first, keyword="abc")) == ()
    assert query.analysis is None


def test_rankings_with_unknown_names_come_and_go() -> None:
    query = OpenQuery()
    number = query.search("q", keep=False)
    query.receive(a_response(number, keyword="a", agent="ba"))
    assert query.columns[-1] == "agent"
    query.active = "agent"
    number = query.search("q2", keep=False)
    query.receive(a_response(number, keyword="a"))
    assert "agent" not in query.columns and query.active == RERANKED


def test_the_preview_marks_words_without_colour_and_numbers_lines() -> None:
    from membrowse.wire.notes import ChunkRequest

    engine = StandIn()
    request = ChunkRequest(chunk=engine.chunk("logs/2025-11-08.md", 1), text="ssh port")
    view = engine.real(request)
    text = [plain(line) for line in preview_lines(view, 40)]
    assert "  7 ┃ ## «SSH»" in text
    assert any(line.startswith("  5 │ ") for line in text)
    assert all(cell_len(line) <= 40 for line in text)


@pytest.mark.parametrize(
    ("changes", "condition"),
    [
        ({}, "current"),
        ({"stale": "chunker 1 → 2", "progress": Progress(phase="reading")}, "stale"),
        ({"pending": Pending(changed=1)}, "catching up"),
        ({"progress": Progress(phase="encoding")}, "catching up"),
        ({"watcher": Watcher(kind="none", alive=False)}, "may be out of date"),
        (
            {"watcher": Watcher(kind="inotify", paused=True), "pending": Pending(new=1)},
            "paused, may be out of date",
        ),
        ({"problem": "not mounted?", "pending": Pending(deleted=9)}, "may be out of date"),
        ({"reading": True, "pending": Pending(new=146)}, "Reading 146 notes…"),
        ({"reading": True}, "Reading the notes…"),
    ],
)
def test_the_header_says_what_the_index_is_worth(
    changes: dict[str, object], condition: str
) -> None:
    view = EngineView(state=replies.state(**changes))
    facts = plain(header_line(view, 120, Keymap({}).key)).split("membrowse")[1].strip().split(" · ")
    assert facts[0] == condition
    assert (len(facts) == 1) is (view.reading), "no figures of what is not read yet"


@pytest.mark.parametrize(
    ("editor", "rest"),
    [
        ("vim", ["+7", "P"]),
        ("nvim -u x", ["+7", "P"]),
        ("emacs -nw", ["+7", "P"]),
        ("nano", ["+7", "P"]),
    ]
    + [("hx", ["P:7"]), ("/opt/helix", ["P:7"]), ("code --wait", ["-g", "P:7"]), ("subl", ["P:7"])]
    + [("micro", ["+7:1", "P"]), ("pycharm", ["--line", "7", "P"]), ("my-own-editor", ["P"])],
)
def test_editors_are_told_the_line(editor: str, rest: list[str]) -> None:
    path = Path("/n/{line} a.md")
    words = external_programs.editor_command({"EDITOR": editor}, path, 7)
    assert words == [*editor.split(), *(word.replace("P", str(path)) for word in rest)]


def test_visual_comes_before_editor_and_none_is_said() -> None:
    both = {"VISUAL": "hx", "EDITOR": "vim"}
    assert external_programs.editor_command(both, Path("/a"), 0) == ["hx", "/a:1"]
    with pytest.raises(external_programs.NoEditor, match="VISUAL"):
        external_programs.editor_command({"VISUAL": " "}, Path("/a"), 1)
    with pytest.raises(external_programs.NoEditor, match="EDITOR"):
        external_programs.editor_command({"EDITOR": 'vim "'}, Path("/a"), 1)


def test_clipboards_are_tried_in_order() -> None:
    everywhere = {"TMUX": "x", "WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}
    found = external_programs.clipboard_programs(everywhere, lambda name: name)
    names = [name for name, _ in found]
    assert names == ["tmux", "wl-copy", "xclip", "xsel", "pbcopy"]
    assert external_programs.clipboard_programs({}, lambda name: None) == []


def test_bad_questions_are_named_and_the_good_ones_kept(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_bytes(
        b'\xef\xbb\xbf{"query": "one", "id": 7}\r\n[]\n{"query": ""}\n{"query": "two"}\n\xff\n'
        + b"[" * 9999
    )
    found = questions.load(file)
    assert [(q.query, q.id) for q in found.items] == [("one", "7"), ("two", "")]
    assert [p.split(":")[0] for p in found.problems] == ["line 2", "line 3", "line 5", "line 6"]
    assert found.caption("one") == "2 questions"
    assert [found.step(by) for by in (1, 1, 1)][-1] == found.items[1]
    assert (found.caption("two"), found.caption("two?")) == ("question 2/2", "2 questions")
    assert questions.load(tmp_path / "none").problems


def test_folders_complete_and_say_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memo.txt").write_text("")
    (tmp_path / ".hidden").mkdir()
    assert folder_path.complete(f"{tmp_path}/me") == f"{tmp_path}/memory/"
    assert folder_path.complete(f"{tmp_path}/.h") == f"{tmp_path}/.hidden/"
    assert folder_path.complete(f"{tmp_path}/x") is None and folder_path.complete("") is None
    assert folder_path.problem(f"{tmp_path}/memory") == ""
    assert "does not exist" in folder_path.problem(f"{tmp_path}/nothing")
    assert "is a file" in folder_path.problem(f"{tmp_path}/memo.txt")
    assert folder_path.problem("") and folder_path.problem("a\0b")
