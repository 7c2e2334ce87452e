"""Text without words is left out of notes, and the note says so."""

from __future__ import annotations

import base64
import re
import time
from random import Random

import pytest

from membrowse.notes.chunker import chunk_note
from membrowse.notes.payloads import MARK, without_payloads
from tests.notes.conftest import Count, note


def encoded(size: int) -> str:
    return base64.b64encode(Random(size).randbytes(size)).decode()


def wrapped(text: str, width: int, end: str = "\n") -> str:
    return end.join(text[start : start + width] for start in range(0, len(text), width))


CRLF, BLANK_LINE = "\r\n", "\n\n"
SCRIPT = "function a(b,c){var d=b+c;return d*2};a(1,2);if(x){y()}else{z()};" * 80
PAYLOADS = {
    "picture": f"![Boiler photo](data:image/png;base64,{encoded(9_000)}) north wall",
    "picture in HTML": f'<img alt="Boiler photo" src="data:image/png;base64,{encoded(900)}"> north',
    "link definition": f"[Boiler photo]: <data:image/gif;base64,{encoded(300)}>\nnorth",
    "percent-encoded": f"![Boiler photo](data:image/svg+xml,{'%3Cpath%20d%3D%27M1' * 20}) north",
    "mail attachment": f"Boiler photo\n\n{wrapped(encoded(9_000), 76)}\n\nnorth",
    "mail attachment, CRLF": "Boiler photo\r\n" + wrapped(encoded(900), 76, CRLF) + "\r\nnorth",
    "quoted": "Boiler photo\n> " + wrapped(encoded(900), 76, "\n> ") + "\n\nnorth",
    "key": f"Boiler photo\n---BEGIN KEY---\n{wrapped(encoded(900), 64)}\n---END KEY---\nnorth",
    "excalidraw": "Boiler photo\n```compressed-json\n"
    + wrapped(encoded(900), 256, BLANK_LINE)
    + "\n```\nnorth",
    "drawing": 'Boiler photo\n```json\n{\n  "type": "excalidraw",\n'
    + '"x": 1,\n' * 99
    + "}\n```\nnorth",
    "token": f"Boiler photo {encoded(300).rstrip('=')} north",
    "hex dump": f"Boiler photo {Random(1).randbytes(200).hex()} north",
    "long run": f"Boiler photo {'<b><i/></b>' * 200} north",
    "script": f"Boiler photo\n\n{SCRIPT}\n\nnorth",
    "numbers": f"Boiler photo\n\n[{'0.1234, -0.8765, ' * 400}]\n\nnorth",
}


@pytest.mark.parametrize("text", PAYLOADS.values(), ids=PAYLOADS.keys())
def test_payloads_are_left_out_and_what_is_around_them_stays(text: str, count: Count) -> None:
    found = without_payloads(text)
    assert len(found.text) < 0.6 * len(text) and MARK in found.text
    assert "Boiler photo" in found.text and "north" in found.text
    assert len(re.findall(r"\r\n|\r|\n", found.text)) == len(re.findall(r"\r\n|\r|\n", text))
    at = found.original_offset(found.text.index("north"))
    assert text[at : at + 5] == "north"
    (warning,) = found.warnings
    assert warning.startswith("left out of the index, since it has no words: ")
    whole = note(f"# Boiler\n\n{text}\n")
    assert whole.warnings == (without_payloads(f"# Boiler\n\n{text}\n").warnings)
    chunks = chunk_note(whole, count)
    assert 1 <= len(chunks) <= 2
    assert chunks[-1].end_line == len(re.findall(r"\r\n|\r|\n", f"# Boiler\n\n{text}")) + 1


TEXTS = {
    "prose": "The gateway forwards every request to the second host in the rack. " * 200,
    "short key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx8fQm0bP0u5n2cVv9xq5yQ me@host",
    "hashes": "sha512 " + Random(2).randbytes(64).hex() + "\n",
    "URL": "https://example.org/" + "a-long-title-of-a-page/" * 12 + "?q=" + "words+and+" * 30,
    "Chinese": "今天天气很好我们去公园" * 800,
    "Thai": "วันนี้อากาศดี" * 800,
    "identifier": "a_very_long_identifier_" * 20,
    "chat log": '{"role":"user","content":"Which port does the gateway use?"},' * 300,
    "table": "| " + "cell text | " * 900 + "\n",
    "rule": "-" * 300 + "\n" + "=" * 300,
    "marks": "e" + "\u0301" * 5_000,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_what_people_write_is_never_left_out(text: str) -> None:
    found = without_payloads(text)
    assert (found.text, found.warnings) == (text, ())
    assert found.original_offset(len(text)) == len(text)


def test_the_warning_names_kind_line_and_size_of_the_largest() -> None:
    parts = [f"![{n}](data:image/png;base64,{encoded(900 + 300 * n)})" for n in range(5)]
    (warning,) = without_payloads("first\n\n" + "\n".join(parts)).warnings
    assert warning == (
        "left out of the index, since it has no words: embedded data in line 7 (2,822 characters), "
        "embedded data in line 6 (2,422 characters), embedded data in line 5 (2,022 characters), "
        "2 more"
    )


@pytest.mark.parametrize(
    "text",
    [
        "data:" * 400_000,
        "data:a/b;" * 200_000,
        " " * 2_000_000 + "x",
        "> " * 1_000_000,
        ("A1b2" * 15 + "\n") * 30_000 + "!",
        ("A1b2" * 15 + " \n\n\n") * 30_000,
        "```json\n" * 250_000,
        "```json" + "\n" * 2_000_000,
        "A" * 2_000_000 + "!",
    ],
    ids=lambda text: ascii(text[:9]),
)
def test_a_hostile_text_takes_no_longer_than_another(text: str) -> None:
    began = time.process_time()
    without_payloads(text)
    assert time.process_time() - began < 5
