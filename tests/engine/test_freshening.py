"""The text of a note as its chunks hold it is the file's, line by line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from membrowse.engine.indexing.note_diff import NO_TEXT_CHANGED, indexed_against_file, indexed_lines
from membrowse.index.index import Index
from membrowse.notes.chunker import chunk_note
from membrowse.notes.note import parse_note
from membrowse.notes.reader import FileContent, read_file
from membrowse.roots import Roots
from membrowse.settings import NotesSettings
from tests.index import factories

PARTS = st.sampled_from(
    [
        "# Title",
        "## Part  ",
        "words of a text that goes on " * 9,
        "- item\n  - deeper\n\n    code",
        "```\n\n  kept\n```",
        "\t tabbed",
        "a\u2028b \u0085 c",
        "备份 😀 ﬁle",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "",
        "\r\n",
    ]
)
FRONT = "---\ntitle: T\ntags: [a]\n---\n"


@pytest.fixture
def home() -> None:
    """No engine runs here."""


def made(text: str, path: str = "a.md") -> list[str]:
    source = FileContent(path, text, len(text), 0, "0", "utf-8", ())
    return indexed_lines(chunk_note(parse_note(source), lambda part: len(part) // 3 + 1, 32))


@given(parts=st.lists(PARTS, min_size=1, max_size=12), end=st.sampled_from(["\n", "\r\n", "\n\n"]))
@effort(max_examples=60)
def test_the_lines_are_put_together_again(parts: list[str], end: str) -> None:
    text = end.join(parts)
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    assert made(text) == lines


def test_a_difference_leaves_front_matter_out(tmp_path: Path) -> None:
    text = f"{FRONT}\n# One\n\nThe port is 22.\n\n## Two\n\nThe end.\n"
    (tmp_path / "a.md").write_text(text)
    source = read_file(Roots.of_folder(tmp_path), "a.md", NotesSettings())
    note = parse_note(source)
    parts = tuple(chunk_note(note, lambda part: len(part.split())))
    index = factories.opened(tmp_path / "index")
    try:
        known = factories.change("a.md", *(part.text for part in parts))
        index.apply([type(known)("a.md", known.note, parts)])
        assert difference(index, tmp_path) == (NO_TEXT_CHANGED,)
        (tmp_path / "a.md").write_text(text.replace("[a]", "[b]").replace("22", "2222"))
        assert difference(index, tmp_path) == (
            "@@ -6,5 +6,5 @@",
            " # One",
            " ",
            "-The port is 22.",
            "+The port is 2222.",
            " ",
            " ## Two",
        )
        (tmp_path / "a.md").write_bytes(b"\0")
        assert difference(index, tmp_path) == ()
        (tmp_path / "a.md").unlink()
        assert difference(index, tmp_path) == ()
    finally:
        index.close()


def difference(index: Index, folder: Path) -> tuple[str, ...]:
    return indexed_against_file(Roots.of_folder(folder), index.generation, "a.md", NotesSettings())
