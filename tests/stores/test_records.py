"""Records as they are spooled, and as notes and chunks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from membrowse.engine.foreign_store.record_notes import METADATA, record_note, unindexable
from membrowse.engine.handlers.chunk import chunk_lines
from membrowse.settings import SettingsError
from membrowse.stores.fields import Fields, fields_of, value_of
from membrowse.stores.source import Record
from membrowse.stores.spool import LONGEST_DOCUMENT, Spool, SpoolWriter

UNIT = (1.0, 0.0, 0.0)


def spool(tmp_path: Path, *records: Record, fields: str = "", names: str = "") -> Spool:
    writer = SpoolWriter(tmp_path / "spool", fields_of(fields, names.split())[1])
    writer.add(records)
    writer.finish()
    return Spool(tmp_path / "spool")


@pytest.mark.parametrize(
    ("preset", "metadata", "path"),
    [
        ("memsearch", {"source": "/a/b.md", "start_line": 3, "heading_level": 1}, "/a/b.md"),
        ("mempalace", {"wing": "ops", "room": "ssh", "source_file": "s.md"}, "s.md"),
        ("mempalace", {"wing": "ops", "room": "ssh"}, "ops/ssh"),
        (
            "claude-mem",
            {"sqlite_id": 4, "doc_type": "observation", "project": "shop"},
            "shop/observation-4",
        ),
        ("general", {"file_path": "x/y.md"}, "x/y.md"),
    ],
)
def test_a_systems_metadata_is_recognised(preset: str, metadata: dict[str, Any], path: str) -> None:
    found, fields = fields_of("auto", metadata)
    assert found == preset
    assert value_of(fields.path, metadata) == path


def test_a_drawer_of_mempalace_is_at_its_lines_with_the_date_of_its_text(tmp_path: Path) -> None:
    metadata = {  # as version 3.11 writes it
        "wing": "ops", "room": "logs", "hall": "facts", "source_file": "/ops/logs/2026-03-12.md",
        "line_start": 29, "line_end": 54, "chunk_index": 1, "chunk_total": 2,
        "content_date": "2026-03-12", "filed_at": "2026-11-26T17:21:11.484882",
    }  # fmt: skip
    found = spool(tmp_path, Record("d", "ssh moved", metadata, UNIT), names=" ".join(metadata))
    (note,) = found.notes()
    (chunk,) = record_note(note, found.records(note.path), "e").change.chunks
    assert (chunk.path, chunk.start_line, chunk.date) == ("2026-03-12.md", 29, "2026-03-12")
    assert (chunk.heading, chunk.tags) == ("ops / logs", ("facts",))


def test_fields_can_be_said_by_the_person() -> None:
    preset, fields = fields_of("memsearch,title=name|label,order={a}-{b}", ())
    assert preset == "memsearch"
    assert (fields.path, fields.title) == ("source", "name|label")
    assert value_of(fields.title, {"label": "L"}) == "L"
    assert value_of(fields.order, {"a": 1}) == "" and value_of(fields.order, {"a": 1, "b": 2})
    for wrong in ("mine", "path", "colour=red", "path=a,auto"):
        with pytest.raises(SettingsError):
            fields_of(wrong, ())


def test_records_of_a_path_become_one_note_at_their_own_lines(tmp_path: Path) -> None:
    metadata = {"path": "/ops/ports.md", "title": "Ports", "tags": ["net", "ssh"]}
    found = spool(
        tmp_path,
        Record("b", "second\nthird\nfourth", {**metadata, "line": 12, "date": "2026-03-02"}, UNIT),
        Record("a", "first\nsecond", {**metadata, "line": 11, "date": 1767225600}, UNIT),
        Record("c", "alone", {"date": 1767225600000}, (0.0, 3.0, 4.0)),
    )
    ports, alone = sorted(found.notes(), key=lambda note: -note.records)
    note = record_note(ports, found.records(ports.path), "e")
    first, second = note.change.chunks
    assert (ports.path, first.text, second.start_line, second.end_line) == (
        "ops/ports.md",
        "first\nsecond",
        12,
        14,
    )
    assert (first.date, second.date, first.tags) == ("2026-01-01", "2026-03-02", ("net", "ssh"))
    assert note.change.note is not None
    assert (note.change.note.title, note.change.note.date_source) == ("Ports", METADATA)
    assert chunk_lines(note.change.chunks) == ["first", "second", "third", "fourth"]
    single = record_note(alone, found.records(alone.path), "e")
    assert (alone.path, single.change.chunks[0].date) == ("c", "2026-01-01")
    assert np.allclose(single.encoded[0].vector, [0.0, 0.6, 0.8])
    found.close()


def test_lines_that_cannot_be_true_are_counted_here(tmp_path: Path) -> None:
    found = spool(
        tmp_path,
        Record("a", "one\r\ntwo", {"path": "p", "line": 10**9, "chunk_index": 1}, UNIT),
        Record("b", "zero\rnull", {"path": "p", "line": "?", "chunk_index": 0}, UNIT),
    )
    (note,) = found.notes()
    chunks = record_note(note, found.records(note.path), "e").change.chunks
    assert sorted((chunk.start_line, chunk.end_line) for chunk in chunks) == [(1, 2), (4, 5)]
    assert len(chunk_lines(chunks)) == 5
    found.close()


@pytest.mark.parametrize(
    ("vector", "problem"),
    [
        ((1.0, math.nan, 0.0), "not finite"),
        ((1.0, math.inf, 0.0), "not finite"),
        ((1e308, 1e308, 0.0), "not finite"),
        ((0.0, 0.0, 0.0), "zero"),
        ((1.0, 0.0), "2 dimensions, not 3"),
        (None, "no vector"),
    ],
)
def test_a_record_with_a_bad_vector_is_found_by_its_words(
    tmp_path: Path, vector: Any, problem: str
) -> None:
    found = spool(
        tmp_path,
        Record("bad", "words", {"path": "p"}, vector),
        *(Record(f"good {n}", f"others {n}", {"path": "p"}, UNIT) for n in range(2)),
    )
    (note,) = found.notes()
    made = record_note(note, found.records("p"), "e")
    assert len(made.change.chunks) == 3 and len(made.encoded) == 2
    assert made.change.note is not None
    (warning,) = made.change.note.warnings
    assert warning.startswith("record bad: ") and problem in warning
    found.close()


def test_hostile_and_huge_records_are_bounded(tmp_path: Path) -> None:
    path = "../../etc/\x1b[2J\u202epasswd" + "x" * 5000
    found = spool(
        tmp_path,
        Record("\ud800", "lone \ud800 and \0 nul", {"path": path, "title": "[/b]" * 999}, UNIT),
        Record("huge", "word " * LONGEST_DOCUMENT, {"path": "huge"}, UNIT),
        Record("none", None, {"path": "none", "date": {"deep": 1}}, UNIT),
    )
    huge, hostile, none = sorted(found.notes(), key=lambda note: note.path[:4])
    if hostile.path == "none":
        hostile, none = none, hostile
    assert not hostile.path.startswith((".", "/")) and len(hostile.path) < 500
    assert hostile.path.isprintable()
    (chunk,) = record_note(hostile, found.records(hostile.path), "e").change.chunks
    chunk.text.encode()
    assert len(chunk.title) <= 200
    note = record_note(huge, found.records("huge"), "e").change
    assert len(note.chunks[0].text) == LONGEST_DOCUMENT
    assert note.note is not None and "1,000,000 characters" in note.note.warnings[0]
    assert "no text" in unindexable(found.records("none"))
    found.close()


def test_equal_texts_with_different_vectors_are_said(tmp_path: Path) -> None:
    found = spool(
        tmp_path,
        Record("a", "same", {"path": "p"}, UNIT),
        Record("b", "same", {"path": "p"}, (0.0, 1.0, 0.0)),
    )
    (note,) = found.notes()
    made = record_note(note, found.records("p"), "e")
    assert len(made.change.chunks) == 2 and len(made.encoded) == 1
    assert made.change.note is not None and "another equal text" in made.change.note.warnings[0]
    found.close()


def test_a_notes_digest_changes_with_any_part(tmp_path: Path) -> None:
    base = Record("a", "text", {"path": "p", "line": 1}, UNIT)
    others = [
        Record("a", "text!", {"path": "p", "line": 1}, UNIT),
        Record("a", "text", {"path": "p", "line": 2}, UNIT),
        Record("a", "text", {"path": "p", "line": 1}, (0.0, 1.0, 0.0)),
        Record("a", "text", {"path": "p", "line": 1, "title": "T"}, UNIT),
        Record("b", "text", {"path": "p", "line": 1}, UNIT),
    ]
    digests = set()
    for number, record in enumerate([base, base, *others]):
        place = tmp_path / str(number)
        place.mkdir()
        found = spool(place, record)
        digests |= {note.digest for note in found.notes()}
        found.close()
    assert len(digests) == 1 + len(others)


def test_the_folder_of_all_absolute_paths_is_left_out_of_them(tmp_path: Path) -> None:
    paths = ["/home/u/memory/a.md", "/home/u/memory/logs/b.md"]
    fields = Fields(path="path")
    writer = SpoolWriter(tmp_path / "first", fields)
    writer.add([Record(path, "t", {"path": path}, UNIT) for path in paths])
    assert writer.root == "home/u/memory/"
    writer.finish()
    later = SpoolWriter(tmp_path / "later", fields, writer.root)
    later.add([Record(path, "t", {"path": path}, UNIT) for path in [*paths, "/etc/c.md"]])
    later.finish()
    assert later.root == writer.root
    found = [Spool(tmp_path / name) for name in ("first", "later")]
    first, second = ({note.path: note.digest for note in each.notes()} for each in found)
    assert list(first) == ["a.md", "logs/b.md"]
    assert list(second) == ["a.md", "etc/c.md", "logs/b.md"]
    assert first.items() < second.items()
    mixed = SpoolWriter(tmp_path / "mixed", fields)
    mixed.add([Record("x", "t", {"path": path}, UNIT) for path in (*paths, "relative/c.md")])
    assert mixed.root == ""
    for each in found:
        each.close()
