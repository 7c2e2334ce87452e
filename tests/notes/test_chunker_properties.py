"""Properties of the chunks of any note."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from membrowse.notes.chunk import Chunk
from membrowse.notes.chunk_lineage import successors
from membrowse.notes.chunker import chunk_note
from membrowse.notes.note import Note
from tests.notes.conftest import Count, note

WINDOW = 48

relaxed = settings(
    max_examples=50,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

WORDS = (
    "deploy staging port ssh 8443 café naïve 今天 天气 公园 🙂 👩‍👩‍👧 snake_case a.b.c "
    "https://example.org/x?y=1 antidisestablishmentarianism x*y |pipe| `code` [link](to) <b> &amp; "
    "\u200bzero ﬁ e\u0301 don't"
).split()


def prose(seed: int, length: int) -> str:
    """Sentences of `length` words in all; few draws, since hypothesis is slow with many."""
    random = Random(seed)
    words = (random.choice(WORDS) + random.choice(["", "", "", ".", "。"]) for _ in range(length))
    text = " ".join(words)
    return "x" * length * 10 + text if seed % 11 == 0 else text


starts = st.sampled_from(
    [
        "",
        "",
        "# ",
        "## ",
        "### ",
        "- ",
        "  - ",
        "1. ",
        "> ",
        ">> ",
        "    ",
        "\t",
        "```\n",
        "~~~ py\n",
    ]
    + ["| a | b |\n|---|---|\n| ", "<div>\n", "<!-- ", "[x]: ", "---\n", "===\n", "\f", "\u2028"]
)
line_ends = st.sampled_from(
    ["\n", "\n", "\n\n", "\r\n", "\r\n\r\n", "\r", "\n   \n", "\n\t\n", " \n"]
)
bodies = st.builds(prose, st.integers(0, 10_000), st.integers(0, 80))
blocks = st.tuples(starts, bodies, line_ends).map("".join)
front = st.sampled_from(
    ["", "", "---\ntitle: A title\ntags: [a, b]\n---\n", "---\nbroken: [\n---\n", "---\r\n---\r\n"]
)
texts = st.tuples(front, st.lists(blocks, max_size=12).map("".join)).map("".join)
anything = st.one_of(texts, texts, st.text(st.characters(exclude_categories=["Cs"]), max_size=200))


def uncovered(made: Sequence[Chunk], whole: Note) -> str:
    """Return the parts of the note that are in no chunk; fails if chunks overlap."""
    gaps, position = [], whole.text_offset
    for chunk in made:
        assert chunk.start_offset >= position
        gaps.append(whole.text[position : chunk.start_offset])
        position = chunk.end_offset
    return "".join([*gaps, whole.text[position:]])


def line_of(text: str, offset: int) -> int:
    return len(re.findall(r"\r\n|\r|\n", text[:offset])) + 1


@relaxed
@given(anything)
def test_all_non_blank_text_is_in_a_chunk(count: Count, text: str) -> None:
    whole = note(text)
    assert uncovered(chunk_note(whole, count, WINDOW), whole).strip() == ""


@relaxed
@given(anything, st.sampled_from([16, 33, 256]))
def test_no_chunk_exceeds_the_window_with_its_header(count: Count, text: str, window: int) -> None:
    for chunk in chunk_note(note(text, "logs/2026-03-02.md"), count, window):
        encoded = f"{chunk.header}\n{chunk.text}" if chunk.header else chunk.text
        assert count(encoded) + 2 <= window
        assert count(chunk.header) <= window // 2


@relaxed
@given(anything)
def test_offsets_slice_back_and_line_numbers_match_an_editor(count: Count, text: str) -> None:
    whole = note(text)
    for position, chunk in enumerate(chunk_note(whole, count, WINDOW)):
        assert chunk.position == position
        assert whole.text[chunk.start_offset : chunk.end_offset] == chunk.text != ""
        # Offsets never fall inside a CRLF: chunks neither start nor end with white space.
        assert chunk.start_line == line_of(text, chunk.start_offset)
        assert chunk.end_line == line_of(text, chunk.end_offset)


@settings(relaxed, max_examples=25)
@given(texts, texts)
def test_ids_are_unique_in_a_folder_and_reproducible(count: Count, one: str, other: str) -> None:
    def ids() -> list[str]:
        folder = [note(text, f"notes/{n}.md") for n, text in enumerate([one, other + other, one])]
        return [chunk.id for each in folder for chunk in chunk_note(each, count, WINDOW)]

    assert len(set(ids())) == len(ids())
    assert ids() == ids()


@relaxed
@given(texts, st.integers(0, 10_000))
def test_editing_a_word_changes_one_chunk(count: Count, text: str, pick: int) -> None:
    before = note(text)
    old = chunk_note(before, count, WINDOW)
    inside = [chunk for chunk in old if "port" in chunk.text and "#" not in chunk.text]
    if not inside:
        return
    edited = inside[pick % len(inside)]
    offset = text.index("port", edited.start_offset)
    after = note(f"{text[:offset]}door{text[offset + 4 :]}")
    assert count("door") == count("port")
    new = chunk_note(after, count, WINDOW)
    if [chunk.headings for chunk in new] != [chunk.headings for chunk in old]:
        return
    removed, added = (
        {c.id for c in old} - {c.id for c in new},
        {c.id for c in new} - {c.id for c in old},
    )
    assert len(removed) == len(added) == 1
    assert successors(old, new) == {removed.pop(): added.pop()}


@relaxed
@given(st.lists(bodies, min_size=3, max_size=5), bodies, st.integers(0, 2))
def test_an_edit_leaves_other_sections_unchanged(
    count: Count, sections: list[str], added: str, at: int
) -> None:
    def ids(parts: list[str]) -> dict[tuple[str, ...], list[str]]:
        text = "".join(f"## Part {number}\n\n{part}\n\n" for number, part in enumerate(parts))
        made = chunk_note(note(text), count, WINDOW)
        return {h: [c.id for c in made if c.headings == h] for h in {c.headings for c in made}}

    edited = [*sections[:at], f"{sections[at]}\n\nMore: {added}", *sections[at + 1 :]]
    before, after = ids(sections), ids(edited)
    assert before.keys() == after.keys()
    assert {h for h in before if before[h] != after[h]} == {(f"Part {at}",)}
