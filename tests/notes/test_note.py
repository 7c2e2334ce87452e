"""Titles, dates, tags and front matter of notes."""

from __future__ import annotations

import time

import msgspec
import pytest

from membrowse.notes.dates import find_date, mentions_date
from membrowse.notes.front_matter import parse_front_matter
from membrowse.notes.note import file_name_in_words
from tests.notes.conftest import note


def test_front_matter_gives_title_date_and_tags() -> None:
    one = note(
        "---\n"
        "title: 'Ports: the list'\n"
        "date: 2026-03-02T10:00:00Z\n"
        "tags: [ops, '#ssh', ops]\n"
        "owner: {name: ops, since: 2024}\n"
        "versions:\n  - 1.10\n  - true\n"
        "...\n"
        "body"
    )
    assert (one.title, one.name, one.date, one.date_source) == (
        "Ports: the list",
        "Ports: the list",
        "2026-03-02",
        "front matter",
    )
    assert one.tags == ("ops", "ssh")
    values = parse_front_matter(one.text).values
    assert values["owner"] == {"name": "ops", "since": "2024"}
    assert values["versions"] == ["1.10", "true"]
    assert one.text[one.body_offset :] == "body"
    assert one.text[one.text_offset :] == one.text[4:]
    assert one.warnings == ()


@pytest.mark.parametrize(
    ("front", "body", "indexed"),
    [
        ("aliases: [Neovim]", "text", True),
        ("description: Net 45 for Quillon", "text", True),
        ("project: {owner: {name: Ida}}", "text", True),
        ("version: 1.10", "text", True),
        ("title: T\ntags: [a]\ndate: 2026-03-02\ncreated: 2026-03-01", "text", False),
        ("draft: true\nsummary: ''\nkey: null\nlist: []", "text", False),
        ("title: T\ntags: [a]", " \n", True),
        ("title: T", "", True),
        ("", "", False),
    ],
)
def test_front_matter_is_text_if_it_has_any_that_no_field_has(
    front: str, body: str, indexed: bool
) -> None:
    one = note(f"---\n{front}\n---\n{body}")
    assert (one.text_offset < one.body_offset) is indexed
    assert one.text_offset in (4, one.body_offset)


@pytest.mark.parametrize(
    ("stem", "words"),
    [
        ("Piano lessons", "Piano lessons"),
        ("piano_lessons-2nd", "piano lessons 2nd"),
        ("ssh-hosts", "ssh hosts"),
        ("sshHosts", "ssh Hosts"),
        ("MEMORY", "MEMORY"),
        ("OAuthTokens", "OAuth Tokens"),
        ("2026-03-02", "2026-03-02"),
        ("2026-03-02-staging-move", "2026-03-02 staging move"),
        ("v1.2.3-notes", "v1.2.3 notes"),
        ("a%20b", "a b"),
        ("project.plan", "project plan"),
        ("日本語_メモ", "日本語 メモ"),
        ("x__y--z", "x y z"),
        ("note2", "note 2"),
        ("-", ""),
    ],
)
def test_a_file_name_is_read_as_words(stem: str, words: str) -> None:
    assert file_name_in_words(stem) == words
    assert note("text", f"folder/{stem}.md").file_words == words


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_front_matter_ends_with_any_line_end(end: str) -> None:
    one = note(end.join(["---", "title: T", "---", "", "body"]))
    assert (one.title, one.text[one.body_offset :]) == ("T", f"{end}body")


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: [unclosed\n---\nbody",
        "---\ntitle: never closed\n\nbody",
        "---\na: &a [x, x]\nb: [*a, *a]\n---\nbody",
        "---\na: " + "[" * 20_000 + "\n---\nbody",
        "---\na: " + "{b: " * 5_000 + "\n---\nbody",
        "---\na: \tb\n\tc: d\n---\nbody",
        "---\na: b: c\n---\nbody",
        "---\na: " + "long " * 10_000 + "\n---\nbody",
        "---\nkey: v\n- item\n---\nbody",
    ],
    ids=lambda text: ascii(text[4:24]),
)
def test_invalid_front_matter_is_text_with_a_warning(text: str) -> None:
    one = note(text)
    assert one.body_offset == 0
    assert parse_front_matter(text).values == {}
    warning = one.warnings[0]
    assert warning.startswith("invalid front matter, read as text: ")
    assert "\n" not in warning


@pytest.mark.parametrize(
    "text", ["---\n\n# Title\n\n---\nrest", "---\nplain words\n---\n", "----\nx"]
)
def test_a_thematic_break_is_not_front_matter(text: str) -> None:
    one = note(text)
    assert (one.body_offset, one.warnings) == (0, ())
    assert parse_front_matter(text).values == {}


def test_empty_front_matter_is_neither_metadata_nor_text() -> None:
    one = note("---\n---\nbody")
    assert (one.text[one.body_offset :], one.warnings) == ("body", ())
    assert parse_front_matter(one.text).values == {}


def test_an_alias_bomb_is_rejected_quickly() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [" + f"*a{n - 1}, " * 9 + "]" for n in range(1, 30)]
    began = time.process_time()
    one = note("---\n" + "\n".join(lines) + "\n---\nbody")
    assert time.process_time() - began < 2
    assert "aliases" in one.warnings[0]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# The title #\n\ntext", "The title"),
        ("\n\n  # After   blanks\n", "After blanks"),
        ("<!-- a comment -->\n# Title\n", "Title"),
        ("Setext\n===\n\ntext", "Setext"),
        ("#\n\ntext", ""),
        ("#tag is no heading\n", ""),
        ("text first\n\n# Later\n", ""),
        ("## Lower\n\n# Later\n", ""),
        ("    # code\n", ""),
        ("---\ntitle: null\n---\n# From the heading\n", "From the heading"),
        ("---\ntitle: From above\n---\n# From the heading\n", "From above"),
        ("", ""),
    ],
)
def test_the_title_comes_from_front_matter_or_the_first_heading(text: str, title: str) -> None:
    one = note(text, "folder/a file.md")
    assert one.title == title
    assert one.name == (title or "a file")


def test_a_title_is_one_line_of_bounded_length() -> None:
    assert note("---\ntitle: |\n  one\n  two\n---\n").title == "one two"
    assert len(note("# " + "long " * 1_000).title) <= 200


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"lone \ud800 half", "lone \ufffd half"),
        (r"\udc00\ud83d", "\ufffd\ufffd"),
        (r"two halves: \ud83d\ude00", "two halves: 😀"),
        (r"a \0 zero", "a \ufffd zero"),
        ("xyz " * 5_000, "xyz " * 49 + "xyz…"),
    ],
    ids=lambda text: text[:12],
)
@pytest.mark.parametrize("key", ["title", "tags"])
def test_yaml_escapes_become_valid_text(key: str, written: str, read: str) -> None:
    one = note(f'---\n{key}: "{written}"\n---\n')
    assert getattr(one, key) == (read if key == "title" else (read,))
    one = note(f'---\n"{written}": {{a: ["{written}"]}}\ndate: "{written}"\n---\n')
    msgspec.json.encode((parse_front_matter(one.text).values, one.warnings))


def test_the_number_of_tags_is_limited() -> None:
    one = note(f"---\ntags: [{', '.join(f't{n}' for n in range(3_000))}]\n---\n")
    assert one.tags == tuple(f"t{n}" for n in range(50))
    assert one.warnings == ("front matter: only the first 50 of 3000 tags are kept",)


@pytest.mark.parametrize(
    ("path", "text", "date", "source"),
    [
        ("logs/2026-03-02.md", "", "2026-03-02", "file name"),
        ("logs/standup 2026_03_02 final.md", "", "2026-03-02", "file name"),
        ("20260302-x.md", "", "2026-03-02", "file name"),
        ("2026-03-02.md", "---\ndate: 2025-01-31\n---\n", "2025-01-31", "front matter"),
        ("2026-03-02.md", "---\ncreated: 2025/1/3\n---\n", "2025-01-03", "front matter"),
        ("2026-02-30.md", "", "2001-09-09", "mtime"),
        ("20261302.md", "", "2001-09-09", "mtime"),
        ("ticket-120260302.md", "", "2001-09-09", "mtime"),
        ("2026-03-02/x.md", "", "2026-03-02", "folders"),
        ("2026/11/15.md", "", "2026-11-15", "folders"),
        ("journal/2026/11 November/15 Sunday.md", "", "2026-11-15", "folders"),
        ("2026-11/15.md", "", "2026-11-15", "folders"),
        ("2026/11/15 ideas for 2027.md", "", "2001-09-09", "mtime"),
        ("2026/13/15.md", "", "2001-09-09", "mtime"),
        ("November 12th, 2026.md", "", "2026-11-12", "file name"),
        ("12 Nov 2026 standup.md", "", "2026-11-12", "file name"),
        ("202611181230 Idea.md", "", "2026-11-18", "file name"),
        ("20261118123045.md", "", "2026-11-18", "file name"),
        ("20261118T1230 call.md", "", "2026-11-18", "file name"),
        ("14.11.2026.md", "", "2026-11-14", "file name"),
        ("v1.12.2026 notes.md", "", "2026-12-01", "file name"),
        ("version 1.2.3.md", "", "2001-09-09", "mtime"),
        ("call 5550142.md", "", "2001-09-09", "mtime"),
        ("x.md", "---\ndate: March 5th, 2026\n---\n", "2026-03-05", "front matter"),
        ("x.md", "---\ndate: 18 Nov 2026\n---\n", "2026-11-18", "front matter"),
        ("x.md", "---\ndate: Wed, 18 Nov 2026 10:00:00 +0100\n---\n", "2026-11-18", "front matter"),
        ("x.md", "---\ndate: '[[2026-11-18]]'\n---\n", "2026-11-18", "front matter"),
        ("x.md", "---\ndate: 5. März 2026\n---\n", "2026-03-05", "front matter"),
        ("x.md", "---\ndate: 2026年11月18日\n---\n", "2026-11-18", "front matter"),
        ("x.md", "---\ndate: 11/18/2026\n---\n", "2026-11-18", "front matter"),
        ("x.md", "---\ncreated_at: 2026-11-18T23:59:00Z\n---\n", "2026-11-18", "front matter"),
        ("x.md", "---\ndate created: 2026-11-18 10:00\n---\n", "2026-11-18", "front matter"),
        ("x.md", "---\nDate-Created: 2026-11-18\n---\n", "2026-11-18", "front matter"),
        ("x.md", "---\ncreated: 1795000000\n---\n", "2026-11-18", "front matter"),
        ("x.md", "---\nupdated: 2026-11-18\n---\n", "2026-11-18", "front matter"),
        ("2026-03-02.md", "---\nupdated: 2026-11-18\n---\n", "2026-03-02", "file name"),
        ("x.md", "---\nupdated: 2026-11-18\ndate: 2026-03-02\n---\n", "2026-03-02", "front matter"),
    ],
)
def test_the_date_comes_from_front_matter_else_file_name_else_mtime(
    path: str, text: str, date: str, source: str
) -> None:
    one = note(text, path, mtime_ns=10**18)
    assert (one.date, one.date_source) == (date, source)


@pytest.mark.parametrize("value", ["soon", "yesterday", "2026", "Nov 2026", "Tuesday", "v1.2.3"])
def test_a_value_that_names_no_day_is_not_a_date(value: str) -> None:
    one = note(f"---\ndate: {value}\n---\n", "x.md")
    assert one.date_source == "mtime"
    assert one.warnings == (f"front matter: date is not a date: {value}",)


def test_an_invalid_date_is_a_warning() -> None:
    one = note("---\ndate: soon\n---\n", "2026-03-02.md")
    assert (one.date, one.date_source) == ("2026-03-02", "file name")
    assert one.warnings == ("front matter: date is not a date: soon",)


@pytest.mark.parametrize("mtime_ns", [0, -(10**19), 10**22])
def test_any_mtime_gives_a_date(mtime_ns: int) -> None:
    assert len(note("", mtime_ns=mtime_ns).date) == len("1970-01-01")


def test_only_valid_dates_are_found() -> None:
    assert find_date("v1.2.3 of 0000-00-00, 2024-02-29") == "2024-02-29"
    assert find_date("1234-56-78 2023-02-29 20230229 9999-01-01 2026-03_02") == ""


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [
        ("2023-05-08 Session", True),
        ("log 20230508", True),
        ("1 May 2023, then 8 May, 2023", True),
        ("May 8th, 2023", True),
        ("the 8th of may 2023", True),
        ("Aug. 5, 2023", False),
        ("May 2023", False),
        ("8 Mayhem", False),
        ("32 May 2023", False),
        ("", False),
    ],
)
def test_a_date_is_recognised_in_its_usual_spellings(text: str, mentioned: bool) -> None:
    assert mentions_date(text, "2023-05-08") is mentioned
