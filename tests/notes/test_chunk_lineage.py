"""Successors of removed chunks."""

from __future__ import annotations

from membrowse.notes.chunk import Chunk
from membrowse.notes.chunk_lineage import successors
from membrowse.notes.chunker import chunk_note
from tests.notes.conftest import Count, note

LONG = "Some words that fill a part of the window, one after the other. " * 4


def section(*texts: str) -> str:
    return "".join(f"## Part {number}\n\n{text}\n\n" for number, text in enumerate(texts))


def split(count: Count, text: str, path: str = "a.md") -> list[Chunk]:
    return chunk_note(note(text, path), count, 96)


def pairs(old: list[Chunk], new: list[Chunk]) -> list[tuple[str, str]]:
    """(text, successor's text) of every removed chunk."""
    texts = {chunk.id: chunk.text for chunk in [*old, *new]}
    return [(texts[removed], texts[added]) for removed, added in successors(old, new).items()]


def test_unchanged_chunks_have_no_successors(count: Count) -> None:
    made = split(count, section("one", "two"))
    assert successors(made, made) == {}


def test_the_successor_of_an_edited_chunk_is_its_new_text(count: Count) -> None:
    old, new = split(count, section("one", "two")), split(count, section("one", "deux"))
    assert pairs(old, new) == [("## Part 1\n\ntwo", "## Part 1\n\ndeux")]


def test_chunks_of_a_moved_note_are_matched_by_text(count: Count) -> None:
    old, new = (
        split(count, section("one", "two"), "a.md"),
        split(count, section("one", "two"), "b/c.md"),
    )
    assert [removed == added for removed, added in pairs(old, new)] == [True, True]


def test_the_nearest_chunk_under_the_same_headings_is_the_successor(count: Count) -> None:
    old = split(count, "## Log\n\n" + "\n\n".join(f"{n}. {LONG}" for n in range(5)))
    edited = [f"{n}. {LONG}" for n in range(5)]
    edited[1] = f"edited {LONG}"
    edited[3] = f"changed {LONG}"
    new = split(count, "## Log\n\n" + "\n\n".join(edited))
    assert [(removed[0], added.split()[0]) for removed, added in pairs(old, new)] == [
        ("1", "edited"),
        ("3", "changed"),
    ]


def test_under_a_renamed_heading_lines_decide(count: Count) -> None:
    old = split(count, section("one", "two", "three"))
    new = split(count, section("one", "two", "three").replace("Part 1", "Chapter 1"))
    assert pairs(old, new) == [("## Part 1\n\ntwo", "## Chapter 1\n\ntwo")]


def test_equal_chunks_are_matched_in_order(count: Count) -> None:
    old = split(count, "## Same\n\nwords\n\n" * 3, "a.md")
    new = split(count, "## Same\n\nwords\n\n" * 3, "b.md")
    assert list(successors(old, new).values()) == [chunk.id for chunk in new]


def test_a_deleted_note_has_no_successor(count: Count) -> None:
    old = [*split(count, section("one"), "a.md"), *split(count, section("two"), "b.md")]
    new = split(count, section("three"), "b.md")
    assert pairs(old, new) == [("## Part 0\n\ntwo", "## Part 0\n\nthree")]


def test_five_thousand_chunks_are_matched_quickly(count: Count) -> None:
    old = split(count, "".join(f"## Same\n\nold {number}\n\n" for number in range(5_000)))
    new = split(count, "".join(f"## Same\n\nnew {number}\n\n" for number in range(5_000)))
    found = successors(old, new)
    assert list(found.values()) == [chunk.id for chunk in new]
