"""How particular notes are split into chunks."""

from __future__ import annotations

import time

import pytest

from membrowse.notes.chunk import Chunk
from membrowse.notes.chunker import chunk_note, named_title
from tests.notes.conftest import Count, note

LONG = "The gateway forwards every request to the second host in the rack. " * 12


def split(count: Count, text: str, path: str = "notes/-.md", window: int = 256) -> list[Chunk]:
    """Return the chunks of `text`, checked against the note and the window."""
    whole = note(text, path)
    made = chunk_note(whole, count, window)
    covered = "".join(chunk.text for chunk in made)
    assert "".join(covered.split()) == "".join(whole.text[whole.text_offset :].split())
    for chunk in made:
        assert count(f"{chunk.header}\n{chunk.text}") + 2 <= window
        assert len(chunk.text) <= 32 * window
    assert len({chunk.id for chunk in made}) == len(made)
    return made


def test_headings_belong_to_the_chunk_they_introduce(count: Count) -> None:
    made = split(count, "intro\n\n## One\n\nfirst\n\n### Deep\n\nsecond\n\n## Two\n\nthird\n")
    assert [(chunk.headings, chunk.text) for chunk in made] == [
        ((), "intro"),
        (("One",), "## One\n\nfirst"),
        (("One", "Deep"), "### Deep\n\nsecond"),
        (("Two",), "## Two\n\nthird"),
    ]
    assert [(chunk.start_line, chunk.end_line) for chunk in made] == [
        (1, 1),
        (3, 5),
        (7, 9),
        (11, 13),
    ]


def test_a_heading_without_text_joins_its_subsection_or_stands_alone(count: Count) -> None:
    made = split(count, "# Notes\n\n## Ports\n\n22\n\n## Empty\n\n## Hosts\n\nweb1\n")
    assert [(chunk.headings, chunk.text) for chunk in made] == [
        (("Ports",), "# Notes\n\n## Ports\n\n22"),
        (("Empty",), "## Empty"),
        (("Hosts",), "## Hosts\n\nweb1"),
    ]


def test_the_header_contains_title_headings_and_stated_date(count: Count) -> None:
    text = "# Staging\n\n## Access\n\nuse ssh\n"
    (dated,) = split(count, text, "logs/2026-03-02 staging.md")
    assert dated.header == "Staging › Access, 2026-03-02"
    assert (dated.title, dated.headings, dated.date) == ("Staging", ("Access",), "2026-03-02")
    (undated,) = chunk_note(note(text, "logs/staging.md", mtime_ns=10**18), count)
    assert undated.header == "Staging › Access"
    assert undated.date == "2001-09-09"


def test_the_header_does_not_repeat_a_date_or_title(count: Count) -> None:
    text = "# Log of 2 March 2026\n\n## Log of 2 March 2026\n\nuse ssh\n"
    (chunk,) = split(count, text, "logs/2026-03-02.md")
    assert chunk.header == "Log of 2 March 2026"
    assert chunk.date == "2026-03-02"


def test_a_note_without_a_title_has_its_file_name_as_title(count: Count) -> None:
    (chunk,) = split(count, "just text\n", "ideas/some_words.md")
    assert (chunk.title, chunk.header) == ("some_words", "some words")
    (dated,) = split(count, "## Ports\n\n22\n", "logs/2026-03-02-hosts.md")
    assert dated.header == "2026-03-02 hosts › Ports"
    (day,) = split(count, "just text\n", "logs/2026-03-02.md")
    assert day.header == "2026-03-02"


def test_metadata_is_not_text_but_invalid_front_matter_is(count: Count) -> None:
    (chunk,) = split(count, "---\ntitle: Hosts\ntags: [a]\n---\n\nweb1\n")
    assert (chunk.text, chunk.header, chunk.tags, chunk.start_line) == ("web1", "Hosts", ("a",), 6)
    (chunk,) = split(count, "---\ntitle: [\n---\n\nweb1\n")
    assert (chunk.text, chunk.headings) == ("---\ntitle: [\n---\n\nweb1", ())


def test_front_matter_with_text_is_in_the_first_chunk(count: Count) -> None:
    text = (
        "---\naliases: [Neovim]\n---\n\n# Editors\n\n## Config\n\ninit.lua\n\n## Plugins\n\nnone\n"
    )
    first, second = split(count, text)
    assert first.text.startswith("aliases: [Neovim]\n---\n\n# Editors")
    assert (first.headings, first.start_line, first.start_offset) == (("Config",), 2, 4)
    assert second.headings == ("Plugins",)


def test_front_matter_that_does_not_fit_beside_the_text_is_a_chunk(count: Count) -> None:
    summary = f"summary: {LONG[:600].strip()}"
    first, second, *_ = split(count, f"---\n{summary}\n---\n\n# Long\n\n{LONG}\n")
    assert first.text == f"{summary}\n---"
    assert (first.headings, first.header, first.end_line) == ((), "Long", 3)
    assert second.text.startswith("# Long")
    long = "\n".join(f"  - alias {number} of the very long list" for number in range(60))
    assert len(split(count, f"---\naliases:\n{long}\n---\n# Long\n\ntext\n")) > 2


def test_a_note_that_is_all_front_matter_has_a_chunk(count: Count) -> None:
    (chunk,) = split(count, "---\ntitle: only\n---\n")
    assert (chunk.text, chunk.header) == ("title: only\n---", "only")
    assert split(count, "---\n---\n") == []


def test_blocks_are_packed_whole(count: Count) -> None:
    paragraphs = [f"Paragraph {number}. {LONG[:500]}" for number in range(6)]
    made = split(count, "\n\n".join(paragraphs))
    assert [chunk.text for chunk in made] == [
        f"{one.rstrip()}\n\n{two.rstrip()}"
        for one, two in zip(paragraphs[::2], paragraphs[1::2], strict=True)
    ]


@pytest.mark.parametrize(
    "block",
    [
        "```python\n" + "\n\n".join(f"value_{n} = compute({n})" for n in range(16)) + "\n```",
        "| host | port |\n|---|---|\n" + "\n".join(f"| web{n} | 80{n} |" for n in range(14)),
        "    indented = 1\n\n" + "\n".join(f"    line {n} of the code" for n in range(30)),
    ],
    ids=["fence", "table", "indented code"],
)
def test_code_and_tables_stay_whole_while_they_fit(count: Count, block: str) -> None:
    made = split(count, f"# Title\n\n{LONG[:600]}\n\n{block}\n\n{LONG[:600]}\n")
    assert sum(block in chunk.text for chunk in made) == 1


def test_a_long_fence_is_split_between_lines(count: Count) -> None:
    code = "".join(f"x_{number} = call(first, second)\n" for number in range(200))
    made = split(count, f"# Title\n\n```\n{code}")
    assert len(made) > 5
    assert all(line.endswith(")") for chunk in made for line in chunk.text.splitlines()[3:])
    assert made[0].text.startswith("# Title\n\n```\nx_0")


def test_a_long_list_is_split_between_items_and_keeps_their_code_whole(count: Count) -> None:
    item = "- step\n\n  ```sh\n  make build\n\n  make deploy\n  ```\n\n"
    chunks = split(count, item * 30)
    assert len(chunks) > 1
    for chunk in chunks:
        assert chunk.text.startswith("- step")
        assert chunk.text.count("```") % 2 == 0


def test_a_chat_is_split_between_lines_into_full_chunks(count: Count) -> None:
    chat = "".join(f"You: {LONG[:150].strip()}\nMe: yes, number {n}.\n" for n in range(13))
    made = split(count, chat)
    assert all(chunk.text.startswith(("You:", "Me:")) for chunk in made)
    assert min(count(chunk.text) for chunk in made[:-1]) > 200


@pytest.mark.parametrize("stop", [". ", "。", "! ", "？"])
def test_a_long_line_is_split_between_sentences(count: Count, stop: str) -> None:
    made = split(count, stop.join(["这里有一些字 and some words"] * 60))
    assert len(made) > 2
    assert all(chunk.text.endswith(stop.strip()) for chunk in made[:-1])
    assert {(chunk.start_line, chunk.end_line) for chunk in made} == {(1, 1)}


def test_an_endless_sentence_is_split_between_words(count: Count) -> None:
    made = split(count, " ".join(["alpha", "beta", "gamma"] * 300))
    assert {word for chunk in made for word in chunk.text.split()} == {"alpha", "beta", "gamma"}


def test_an_endless_word_is_split(count: Count) -> None:
    made = split(count, "see " + "é" * 100_000 + " there")
    assert len(made) > 40


def test_line_numbers_match_an_editor(count: Count) -> None:
    text = "# A\r\n\r\none\u2028still\x0cone\x0b\x85\r\n\r\n## B\rmore\r\r## C\n\ttab 🙂\n"
    made = split(count, text)
    assert [(chunk.start_line, chunk.end_line) for chunk in made] == [(1, 3), (5, 6), (8, 9)]
    assert made[2].text == "## C\n\ttab 🙂"


def test_setext_headings_and_html_are_blocks(count: Count) -> None:
    made = split(
        count, "Title\n=====\n\nPart\n---\n\n<div>\n# not a heading\n</div>\n\n- # nor this\n"
    )
    assert [chunk.headings for chunk in made] == [("Part",)]
    assert made[0].header == "Title › Part"


def test_a_huge_heading_leaves_half_of_the_window_for_text(count: Count) -> None:
    long = "very long heading " * 280
    made = split(count, f"# Title\n\n## {long}\n\nbody\n\n### Inner\n\n{LONG}\n")
    assert len(made[0].headings[0]) <= 200
    assert made[-1].headings[-1] == "Inner"
    assert all(count(chunk.header) <= 127 for chunk in made)


def test_equal_blocks_have_different_ids(count: Count) -> None:
    made = split(count, "## Same\n\nThe same words.\n\n" * 5_000)
    assert len(made) == 5_000


def test_a_renamed_or_touched_note_keeps_headers_and_changes_ids(count: Count) -> None:
    text = f"# A\n\n{LONG}\n\n{LONG}"
    one, other = (
        chunk_note(note(text, "a.md"), count),
        chunk_note(note(text, "b/a.md", 10**18), count),
    )
    assert [(c.header, c.text) for c in one] == [(c.header, c.text) for c in other]
    assert not {c.id for c in one} & {c.id for c in other}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n \n\t\n",
        "\u200b",
        ">" * 10_000 + " deep",
        "- " * 10_000 + "deep",
        "\n".join("  " * depth + "- item" for depth in range(700)),
        "[" * 300_000,
        " " * 300_000 + "a" + "\n" * 300_000 + "b" + " " * 300_000 + "c",
        "# " + "heading " * 700,
        "```\nnever closed\n\n# not a heading\n" * 2,
        "<!-- never closed\n\n" * 2_000,
        "| a | b |\n|---|---|\n" + "| one | two |\n" * 5_000,
        "e" + "\u0301" * 50_000,
        "👩‍👩‍👧‍👦" * 10_000,
        "---\n" * 5_000,
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_unusual_texts_are_split(count: Count, text: str) -> None:
    split(count, text)


def test_one_line_of_five_megabytes(count: Count) -> None:
    text = (LONG.strip() + " ") * (5_000_000 // len(LONG))
    began = time.process_time()
    made = chunk_note(note(text), count)
    assert time.process_time() - began < 40  # about 5 s on an idle machine
    assert made[-1].end_offset == len(text.rstrip())
    assert all(a.end_offset + 1 == b.start_offset for a, b in zip(made, made[1:], strict=False))


def test_few_texts_are_counted_more_than_once(count: Count) -> None:
    counted = 0

    def counting(text: str) -> int:
        nonlocal counted
        counted += len(text)
        return count(text)

    text = "".join(f"## Part {n}\n\n{LONG}\n\n- {LONG[:300]}\n\n{LONG}\n\n" for n in range(60))
    chunk_note(note(text), counting)
    assert counted < 3 * len(text)


def test_a_superadditive_count_is_respected(count: Count) -> None:
    def more_together(text: str) -> int:
        return len(text) // 3 + (40 if len(text) > 150 else 0)

    made = chunk_note(note(LONG * 5), more_together, 64)
    assert all(more_together(chunk.text) <= 62 for chunk in made)
    assert "".join("".join(c.text for c in made).split()) == "".join((LONG * 5).split())


def test_a_window_too_small_for_text_is_rejected(count: Count) -> None:
    with pytest.raises(ValueError, match="window"):
        chunk_note(note("text"), count, 8)


def test_the_first_chunk_alone_has_the_file_name_of_a_long_note_or_one_with_a_title(
    count: Count,
) -> None:
    first, *others = split(count, LONG * 30, "logs/chat_log.md")
    assert first.header == "chat log"
    assert {chunk.header for chunk in others} == {""}
    assert {chunk.header for chunk in split(count, LONG * 15, "logs/chat_log.md")} == {"chat log"}
    first, *others = split(count, f"# Talks\n\n{LONG * 15}", "logs/chat_log.md")
    assert first.header == "Talks (chat log)"
    assert {chunk.header for chunk in others} == {"Talks"}


@pytest.mark.parametrize(
    ("title", "name", "named"),
    [
        ("", "chat log", "chat log"),
        ("Talks", "chat log", "Talks (chat log)"),
        ("The chat", "chat log", "The chat (log)"),
        ("The log of a chat", "chat log", "The log of a chat"),
        ("Chat-Log: May", "chat log", "Chat-Log: May"),
        ("2023-05-08 Session 1: Ida", "2023-05-08 session 01", "2023-05-08 Session 1: Ida"),
        ("Log of 8 May", "2023-05-08", "Log of 8 May"),
        ("INC-03: no room", "2026-05-19 disk full", "INC-03: no room (disk full)"),
        ("Roll back a release", "rollback", "Roll back a release (rollback)"),
        ("Talks", "", "Talks"),
    ],
)
def test_a_title_is_followed_by_a_file_name_that_says_more(
    title: str, name: str, named: str
) -> None:
    assert named_title(title, name) == named
