"""What the real programs print, read as hits; and what others might print."""

from __future__ import annotations

from pathlib import Path

import pytest

from membrowse.agents.answers import MOST_HITS, UnreadableAnswer, read_answer, reader_of
from membrowse.settings import SettingsError
from membrowse.wire.agents import AgentMemory

MEMORY = AgentMemory(id="x", system="x", folder="/srv/notes", index_part="ws")

OPENCLAW = b"""Registered plugin command: /dreaming (plugin: memory-core)
{
  "results": [
    {"path": "../extra/lighthouse.md", "startLine": 1, "endLine": 3, "score": 0.9999938951355387,
     "textScore": 0.65, "snippet": "# Extra\\nThe lighthouse code is 4471.\\n", "source": "memory",
     "provenance": {"originClass": "untrusted"}},
    {"path": "MEMORY.md", "startLine": 3, "endLine": 6, "score": 0.88, "snippet": "## Hosts\\n",
     "source": "memory"}
  ],
  "stale": true, "warning": "Memory index identity mismatch", "action": "openclaw memory index"
}
"""
QMD = b"""[
  {"docid": "#b1c659", "score": 0.42, "file": "qmd://ws/My Draft.v1.md", "line": 5,
   "title": "Memory", "snippet": "@@ -4,3 @@ (3 before, 0 after)\\n\\nStaging ssh\\n"},
  {"docid": "#000000", "score": 0.1, "file": "qmd://other/MEMORY.md", "line": 1, "snippet": ""}
]
"""
MEMSEARCH = b"""[
  {"chunk_hash": "87341b9b35191bff", "content": "## Hosts", "source": "/srv/notes/MEMORY.md",
   "heading": "Hosts", "heading_level": 2, "start_line": 3, "end_line": 6,
   "score": 0.9999999441206455}
]
"""
BASIC_MEMORY = b"""{
  "results": [
    {"title": "MEMORY", "type": "entity", "score": -2.2492012779552718e-06, "entity": "work/memory",
     "permalink": "work/memory", "content": "# Memory", "file_path": "MEMORY.md"}
  ],
  "current_page": 1, "page_size": 6, "total": 1, "has_more": false
}
"""

Located = tuple[str, bool, int | None, int | None]


@pytest.mark.parametrize(
    ("reads", "output", "expected"),
    [
        (
            "openclaw",
            OPENCLAW,
            [("/srv/extra/lighthouse.md", False, 1, 3), ("MEMORY.md", True, 3, 6)],
        ),
        (
            "qmd",
            QMD,
            [("My Draft.v1.md", True, 5, None), ("qmd://other/MEMORY.md", False, 1, None)],
        ),
        ("memsearch", MEMSEARCH, [("MEMORY.md", True, 3, 6)]),
        ("basic-memory", BASIC_MEMORY, [("MEMORY.md", True, None, None)]),
        (
            "results=data.hits,path=doc.path,start_line=at",
            b'{"data": {"hits": [{"doc": {"path": "a/b.md"}, "at": 7}]}}',
            [("a/b.md", True, 7, None)],
        ),
    ],
)
def test_answers_of_programs(reads: str, output: bytes, expected: list[Located]) -> None:
    hits, _ = read_answer(output, reader_of(reads), MEMORY)
    assert [(hit.path, hit.inside, hit.start_line, hit.end_line) for hit in hits] == expected
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))


def test_what_openclaw_reports_beside_its_hits() -> None:
    hits, warning = read_answer(OPENCLAW, reader_of("openclaw"), MEMORY)
    assert warning == "Memory index identity mismatch"
    assert (hits[0].score, hits[1].text) == (0.9999938951355387, "## Hosts\n")


def test_no_hit_is_an_answer() -> None:
    assert read_answer(b'{"results": []}', reader_of("openclaw"), MEMORY) == ((), "")


def test_paths_that_leave_the_folder_are_outside(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "notes")
    memory = AgentMemory(id="x", system="x", folder=str(tmp_path / "link"))
    paths = ["../../etc/passwd", "/etc/passwd", "a/../../x.md", ".", f"{tmp_path}/notes/a.md"]
    content = "[" + ",".join(f'{{"source": "{path}"}}' for path in paths) + "]"
    hits, _ = read_answer(content.encode(), reader_of("memsearch"), memory)
    assert [hit.inside for hit in hits] == [False, False, False, False, True]
    assert hits[-1].path == "a.md"


def test_values_of_other_types_are_left_out() -> None:
    output = (
        b'[{"source": 7}, null, {"source": "a\\u0000.md"}, {"source": "a.md", "score": "high",'
        b' "start_line": -3, "end_line": 1e99, "content": ["x"]}]'
    )
    (hit,), _ = read_answer(output, reader_of("memsearch"), MEMORY)
    assert (hit.score, hit.start_line, hit.end_line, hit.text) == (None, None, None, "")


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (b"", "printed nothing"),
        (b"Results: none", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"results": {}}', "no list at 'results'"),
        (b'{"ok": false, "error": {"message": "no API key"}}', "no API key"),
        (b'{"results": [{"file": "a.md"}]}', "1 hit without a path at"),
    ],
)
def test_output_of_another_shape(output: bytes, message: str) -> None:
    with pytest.raises(UnreadableAnswer, match=message):
        read_answer(output, reader_of("openclaw"), MEMORY)


def test_hits_are_bounded() -> None:
    output = b"[" + b",".join([b'{"source": "a.md"}'] * (MOST_HITS + 5)) + b"]"
    assert len(read_answer(output, reader_of("memsearch"), MEMORY)[0]) == MOST_HITS


@pytest.mark.parametrize("reads", ["", "grep", "path", "path=", "results=hits", "path=a,x=b"])
def test_a_reader_that_cannot_be_used(reads: str) -> None:
    with pytest.raises(SettingsError):
        reader_of(reads)
