"""What the screen says, as plain values."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.cells import cell_len

from membrowse.tui.model import editors, figures, folders, questions
from membrowse.tui.model.browsing import Browsing
from membrowse.tui.model.copies import programs
from membrowse.tui.model.cut import Divider, Layout, dividers
from membrowse.tui.model.engine_view import EngineView, header_line
from membrowse.tui.model.parts import Line, Part, bar_parts, cells, clip, clip_start, fit, spread
from membrowse.tui.model.preview_lines import preview_lines
from membrowse.tui.model.ranking_view import PAGE, RankingView, letters
from membrowse.tui.model.rows import RowStyle, hit_lines, matrix_line, movement
from membrowse.tui.model.wrapping import wrapped
from membrowse.wire.engine import Pending, Progress, Watcher
from membrowse.wire.notes import Freshness
from membrowse.wire.search import KEYWORD, RERANKED, VECTOR
from tests.standin import replies
from tests.standin.engine import StandIn as FakeEngine
from tests.standin.replies import a_hit, a_ranking, a_recall

NOW = datetime(2026, 7, 20, 12, 0, tzinfo=UTC)
NAMES = (KEYWORD, VECTOR, "fused", RERANKED)


def plain(line: Line) -> str:
    return "".join(part.text for part in line)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.714, ".71"), (-0.02, "-.02"), (0.0, "0"), (-0.001, "0"), (7.1, "7.10")]
    + [(11.84, "11.8"), (9.996, "10.0"), (1042.3, "1042"), (1.0, "1.00"), (99.96, "100")],
)
def test_scores_are_short(value: float | None, text: str) -> None:
    assert figures.score(value) == text


@pytest.mark.parametrize(
    ("day", "text"),
    [("2026-07-20", "<1d"), ("2026-07-17", "3d"), ("2026-06-20", "4w"), ("2026-03-02", "4mo")]
    + [("2023-01-01", "3y"), ("2026-07-22", "+2d"), ("", ""), ("no date", "")],
)
def test_ages(day: str, text: str) -> None:
    assert figures.age(day, NOW) == text


def test_times_sizes_and_durations() -> None:
    assert figures.at("2026-07-20T10:04:31Z", NOW) == "10:04:31"
    assert figures.at("2026-07-19T10:04:31Z", NOW) == "19 Jul 10:04"
    assert figures.at("2025-07-19T10:04:31Z", NOW) == "2025-07-19"
    assert figures.at("soon", NOW) == ""
    assert [figures.size(n) for n in (0, 999, 4100, 2_000_000)] == [
        "0 B",
        "999 B",
        "4.1 kB",
        "2.0 MB",
    ]
    assert [figures.duration(n) for n in (0.2, 7, 200, 9000)] == ["1 s", "7 s", "3 min", "2 h"]
    assert [figures.milliseconds(n) for n in (0.4, 3.1, 1200)] == ["<1 ms", "3 ms", "1.2 s"]


@pytest.mark.parametrize(
    "text", ["部署笔记在这里", "ssh", "🦀🦀🦀 crab", "é" * 40, "", "ab" * 3000]
)
@pytest.mark.parametrize("width", [0, 1, 2, 5, 9, 30])
def test_text_is_cut_to_cells(text: str, width: int) -> None:
    for cut in (clip(text, width), clip_start(text, width)):
        assert cell_len(cut) <= width
    assert cells(fit([Part(text)], width)) == width
    assert cells(spread([Part(text)], [Part("right")], max(width, 12))) == max(width, 12)


def test_bars_keep_their_width() -> None:
    for share in (-1.0, 0.0, 0.1, 0.5, 0.99, 1.0, 7.0):
        assert cells(bar_parts(share, 4)) == 4
    assert plain(bar_parts(0.5, 4)) == "━━──"


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
            assert cells(matrix_line(hit, style, width, fresh)) == width


def test_a_row_says_where_the_chunk_stands_elsewhere() -> None:
    style = RowStyle(ranking=RERANKED, letters=letters(NAMES), now=NOW, total=40, pool=50)
    first, second = (plain(line) for line in hit_lines(a_hit(), style, 60, Freshness.CHANGED))
    assert "▲1" in first and ".64" in first and "SSH moved › Decision" in first and "3d" in first
    assert "decisions/ssh.md:14 ! changed" in second and "k9 v– f4" in second


def test_chunks_that_hnsw_missed_are_marked() -> None:
    style = RowStyle(
        ranking=VECTOR, letters=letters(NAMES), now=NOW, total=9, missed=frozenset({3})
    )
    assert "≠HNSW" in plain(hit_lines(a_hit(), style, 60, Freshness.CURRENT)[1])
    assert "≠HNSW" in plain(matrix_line(a_hit(), style, 80, Freshness.CURRENT))


def test_unknown_rankings_get_short_names_that_are_free() -> None:
    found = letters([*NAMES, "agent", "kept", "agenda"])
    assert found["agent"] == "a" and found["kept"] == "ke" and len(set(found.values())) == 7


def test_the_cut_falls_at_k_or_at_the_score() -> None:
    view = RankingView(RERANKED)
    view.receive("r1", a_ranking(RERANKED, "abcdefgh", pool=6))
    assert [d.after for d in dividers(view, 5, 0.0)] == [5, 6]
    assert dividers(view, 5, 0.3)[0].after == 3
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
    browsing = Browsing()
    number = browsing.ask("q", keep=False)
    assert browsing.receive(a_recall(number, complete=False, keyword="abc")) == (KEYWORD,)
    assert browsing.cursor is None
    browsing.receive(a_recall(number, keyword="abc", vector="cb", fused="cab", reranked="bca"))
    assert browsing.cursor is not None and browsing.cursor.chunk == "b"


def test_the_same_query_again_keeps_the_chunk_wherever_it_goes() -> None:
    browsing = Browsing()
    number = browsing.ask("q", keep=False)
    browsing.receive(a_recall(number, keyword="abc", reranked="bca"))
    browsing.put_cursor(RERANKED, 1)
    number = browsing.ask("q", keep=True)
    browsing.receive(a_recall(number, complete=False, keyword="abc"))
    assert browsing.cursor is not None and browsing.cursor.chunk == "c"
    browsing.receive(a_recall(number, keyword="abc", reranked="abc"))
    assert browsing.row(RERANKED) == 2


def test_a_chunk_that_is_gone_leaves_the_cursor_on_its_row() -> None:
    browsing = Browsing()
    number = browsing.ask("q", keep=False)
    browsing.receive(a_recall(number, reranked="abcd"))
    browsing.put_cursor(RERANKED, 3)
    number = browsing.ask("q", keep=True)
    browsing.receive(a_recall(number, reranked="abc"))
    assert browsing.cursor is not None and browsing.cursor.chunk == "c"


def test_answers_to_earlier_questions_are_dropped() -> None:
    browsing = Browsing()
    first = browsing.ask("one", keep=False)
    browsing.ask("two", keep=False)
    assert browsing.receive(a_recall(first, keyword="abc")) == ()
    assert browsing.query is None


def test_rankings_with_unknown_names_come_and_go() -> None:
    browsing = Browsing()
    number = browsing.ask("q", keep=False)
    browsing.receive(a_recall(number, keyword="a", agent="ba"))
    assert browsing.columns[-1] == "agent"
    browsing.active = "agent"
    number = browsing.ask("q2", keep=False)
    browsing.receive(a_recall(number, keyword="a"))
    assert "agent" not in browsing.columns and browsing.active == RERANKED


def test_the_preview_marks_words_without_colour_and_numbers_lines() -> None:
    from membrowse.wire.notes import ChunkRequest

    engine = FakeEngine()
    request = ChunkRequest(chunk=engine.chunk("logs/2025-11-08.md", 1), text="ssh port")
    view = engine.real(request)
    text = [plain(line) for line in preview_lines(view, 40)]
    assert "  7 ┃ ## «SSH»" in text
    assert any(line.startswith("  5 │ ") for line in text)
    assert all(cell_len(line) <= 40 for line in text)


@pytest.mark.parametrize("width", [1, 2, 3, 8, 30])
def test_wrapping_loses_nothing(width: int) -> None:
    line = [
        Part("a word, "),
        Part("«部署笔记»", "mark"),
        Part(" and averyveryverylongword ."),
        Part(""),
    ]
    lines = wrapped(line, max(2, width))
    assert "".join(map(plain, lines)) == plain(line)
    assert all(cell_len(plain(part).rstrip()) <= max(2, width) for part in lines)


@pytest.mark.parametrize(
    ("changes", "condition"),
    [
        ({}, "current"),
        ({"stale": "chunker 1 → 2", "progress": Progress(phase="reading")}, "stale"),
        ({"pending": Pending(changed=1)}, "catching up"),
        ({"progress": Progress(phase="encoding")}, "catching up"),
        ({"watcher": Watcher(kind="none", alive=False)}, "as last seen"),
        (
            {"watcher": Watcher(kind="inotify", paused=True), "pending": Pending(new=1)},
            "as last seen",
        ),
    ],
)
def test_the_header_says_what_the_index_is_worth(
    changes: dict[str, object], condition: str
) -> None:
    view = EngineView(state=replies.state(**changes))
    assert f" · {condition} · " in plain(header_line(view, 120))


def test_a_word_of_several_styles_is_not_broken() -> None:
    line = [Part("lets only the bastion "), Part("in", "heat"), Part(". Then")]
    assert [plain(part) for part in wrapped(line, 24)] == ["lets only the bastion ", "in. Then"]


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
    words = editors.command({"EDITOR": editor}, path, 7)
    assert words == [*editor.split(), *(word.replace("P", str(path)) for word in rest)]


def test_visual_comes_before_editor_and_none_is_said() -> None:
    both = {"VISUAL": "hx", "EDITOR": "vim"}
    assert editors.command(both, Path("/a"), 0) == ["hx", "/a:1"]
    with pytest.raises(editors.NoEditor, match="VISUAL"):
        editors.command({"VISUAL": " "}, Path("/a"), 1)
    with pytest.raises(editors.NoEditor, match="EDITOR"):
        editors.command({"EDITOR": 'vim "'}, Path("/a"), 1)


def test_clipboards_are_tried_in_order() -> None:
    everywhere = {"TMUX": "x", "WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}
    names = [name for name, _ in programs(everywhere, lambda name: name)]
    assert names == ["tmux", "wl-copy", "xclip", "xsel", "pbcopy"]
    assert programs({}, lambda name: None) == []


def test_bad_questions_are_named_and_the_good_ones_kept(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_bytes(
        b'\xef\xbb\xbf{"query": "one", "id": 7}\r\n[]\n{"query": ""}\n{"query": "two"}\n\xff\n'
        + b"[" * 9999
    )
    found = questions.load(file)
    assert [(q.query, q.id) for q in found.items] == [("one", "7"), ("two", "")]
    assert [p.split(":")[0] for p in found.problems] == ["line 2", "line 3", "line 5", "line 6"]
    assert found.place == "question –/2"
    assert [found.step(by) for by in (1, 1, 1)][-1] == found.items[
        1
    ] and found.place == "question 2/2"
    assert questions.load(tmp_path / "none").problems


def test_folders_complete_and_say_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memo.txt").write_text("")
    (tmp_path / ".hidden").mkdir()
    assert folders.complete(f"{tmp_path}/me") == f"{tmp_path}/memory/"
    assert folders.complete(f"{tmp_path}/.h") == f"{tmp_path}/.hidden/"
    assert folders.complete(f"{tmp_path}/x") is None and folders.complete("") is None
    assert folders.problem(f"{tmp_path}/memory") == ""
    assert "does not exist" in folders.problem(f"{tmp_path}/nothing")
    assert "is a file" in folders.problem(f"{tmp_path}/memo.txt")
    assert folders.problem("") and folders.problem("a\0b")
