"""Globs that select notes, or settings for some of them."""

from __future__ import annotations

import pytest

from membrowse.notes.globs import last_match, note_matcher


@pytest.mark.parametrize(
    ("include", "notes", "others"),
    [
        (("*.md",), ["a.md", "x/.md", "README.MD", "a.Md"], ["a.mdx", "md"]),
        (("*.md", "!README.md"), ["a.md"], ["README.md", "x/readme.MD"]),
        (("docs/", "*.rst"), ["docs/a.bin", "Docs/a.bin", "x/y.RST"], ["a.md"]),
        (("*.MD",), ["a.md", "b.MD"], ["a.txt"]),
        (("n?te.*",), ["x/note.org", "NOTE.ORG"], ["noote.org"]),
        ((), [], ["a.md"]),
    ],
)
def test_globs_select_the_notes(
    include: tuple[str, ...], notes: list[str], others: list[str]
) -> None:
    is_note = note_matcher(include)
    assert [path for path in notes if not is_note(path)] == []
    assert [path for path in others if is_note(path)] == []


@pytest.mark.parametrize(
    ("path", "glob"),
    [
        ("a.txt", "*.txt"),
        ("old/a.txt", "old/"),
        ("old/b.md", "old/"),
        ("x/OLD.TXT", "*.txt"),
        ("a.md", None),
    ],
)
def test_the_last_glob_that_matches_counts(path: str, glob: str | None) -> None:
    assert last_match(("*.txt", "old/"), path) == glob
