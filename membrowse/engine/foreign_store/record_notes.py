"""Records of a store as notes and chunks, with the store's vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

import msgspec
import numpy as np

from membrowse.encoding.encoder import EncodedText
from membrowse.engine import clock
from membrowse.index.change_plan import NoteChange
from membrowse.index.generation import IndexedNote, content_key
from membrowse.notes.chunk import Chunk
from membrowse.notes.dates import find_date
from membrowse.notes.note import one_line
from membrowse.notes.text_segmentation import Lines
from membrowse.stores.spool import NO_TEXT, SpooledNote, SpooledRecord

RECORDS = "1"
"""Version of this module, part of an index's recipe: raise it when chunks change."""
METADATA = "metadata"
"""Where the date of such a note comes from."""
MOST_LINES = 100_000
"""Limit of the line numbers in records; a greater one is not believed."""
_MOST_WARNINGS = 20
_MOST_TAGS = 50
_MILLISECONDS = 1e11
"""A greater number of a date counts milliseconds since 1970, not seconds."""
_SAME = 0.999


@dataclass(frozen=True, slots=True)
class RecordNote:
    """A note of the index."""

    change: NoteChange
    encoded: tuple[EncodedText, ...]


def chunk_id(record: SpooledRecord) -> str:
    """Hash (hex) of path, record id and text."""
    identity = msgspec.json.encode((record.path, record.id, record.document))
    return hashlib.sha256(identity).hexdigest()[:32]


def record_note(
    found: SpooledNote, records: Sequence[SpooledRecord], encoder_key: str
) -> RecordNote:
    """The note of `records`, in their order. Records without text are left out, with a warning."""
    usable = [record for record in records if record.document]
    unique = {chunk_id(record): record for record in usable}
    dates = [_iso_date(record.date) for record in unique.values()]
    spans = _spans(list(unique.values()))
    title = _shared_title(usable)
    chunks = tuple(
        _chunk(key, record, position, span, day, title)
        for position, ((key, record), span, day) in enumerate(
            zip(unique.items(), spans, dates, strict=True)
        )
    )
    vectors: dict[str, EncodedText] = {}
    warnings = [f"record {record.id}: {record.problem}" for record in records if record.problem]
    for chunk, record in zip(chunks, unique.values(), strict=True):
        if record.vector is not None:
            encoded = _encoded(content_key(chunk, encoder_key), record.vector)
            known = vectors.setdefault(encoded.key, encoded)
            if float(known.vector @ encoded.vector) < _SAME:
                warnings.append(f"record {record.id}: it has the vector of another equal text")
    note = IndexedNote(
        path=found.path,
        name=title or PurePosixPath(found.path).stem,
        title=title,
        date=max(dates, default=""),
        date_source=METADATA,
        size=sum(len(record.document.encode()) for record in usable),
        mtime_ns=0,
        sha256=found.digest,
        indexed_at=clock.now(),
        warnings=_bounded(warnings),
        chunks=len(chunks),
    )
    return RecordNote(NoteChange(found.path, note, chunks), tuple(vectors.values()))


def unindexable(records: Sequence[SpooledRecord]) -> str:
    """Why no record of a note can be indexed, or empty."""
    if any(record.document for record in records):
        return ""
    return f"{NO_TEXT}, so no search can find it"


def _chunk(
    key: str, record: SpooledRecord, position: int, span: _Span, day: str, title: str
) -> Chunk:
    heading = one_line(record.heading.lstrip("# "))
    tags = tuple(tag for each in record.tags.split(",") if (tag := one_line(each)))
    named = one_line(record.title) or title
    shown = [each for each in (named, heading) if each]
    return Chunk(
        id=key,
        path=record.path,
        position=position,
        title=named or PurePosixPath(record.path).stem,
        headings=(heading,) if heading else (),
        tags=tags[:_MOST_TAGS],
        date=day,
        header=" › ".join(shown),
        text=record.document,
        start_line=span.first_line,
        end_line=span.last_line,
        start_offset=span.start,
        end_offset=span.start + len(record.document),
    )


@dataclass(frozen=True, slots=True)
class _Span:
    """Where a record is in its note."""

    first_line: int
    last_line: int
    start: int


def _spans(records: Sequence[SpooledRecord]) -> list[_Span]:
    """The lines that the records say, if these can be true; else one record after another."""
    texts = [Lines(record.document) for record in records]
    lines = [record.line for record in records if record.line is not None]
    if not lines or len(lines) < len(texts) or lines[-1] + len(texts[-1]) > MOST_LINES:
        lines, line = [], 1
        for text in texts:
            lines.append(line)
            line += len(text) + 1
    starts = _line_starts(texts, lines)
    return [
        _Span(line, line + len(text) - 1, starts[line])
        for line, text in zip(lines, texts, strict=True)
    ]


def _line_starts(texts: Sequence[Lines], lines: Sequence[int]) -> dict[int, int]:
    """The offset of each record's first line in the note that the records make up.

    Records may overlap, and leave gaps of empty lines.
    """
    length_of: dict[int, int] = {}
    for text, first in zip(texts, lines, strict=True):
        for number in range(len(text)):
            start, end = text.line_span(number)
            length_of[first + number] = len(text.text[start:end].rstrip("\r\n")) + 1
    starts: dict[int, int] = {}
    wanted, offset, next_line = set(lines), 0, 1
    for line in sorted(length_of):
        offset += line - next_line  # of empty lines
        if line in wanted:
            starts[line] = offset
        offset += length_of[line]
        next_line = line + 1
    return starts


def _encoded(key: str, vector: bytes) -> EncodedText:
    """The store's vector, which is its only passage; token vectors are made when needed."""
    values = np.frombuffer(vector, np.float32)
    return EncodedText(
        key=key,
        vector=values,
        passages=values[None],
        tokens=np.zeros((0, 0), np.int8),
        scales=np.zeros(0, np.float32),
    )


def _shared_title(records: Sequence[SpooledRecord]) -> str:
    """The title of all records of a note; empty if they have different ones."""
    titles = {one_line(record.title) for record in records}
    return titles.pop() if len(titles) == 1 else ""


def _iso_date(text: str) -> str:
    """A date of metadata as ISO, or empty."""
    try:
        number = float(text)
    except ValueError:
        return find_date(text)
    if len(text) == len("20260302") and (day := find_date(text)):
        return day
    seconds = number / 1000 if abs(number) > _MILLISECONDS else number
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat() if seconds > 0 else ""
    except (OverflowError, ValueError, OSError):
        return ""


def _bounded(warnings: Sequence[str]) -> tuple[str, ...]:
    if len(warnings) <= _MOST_WARNINGS:
        return tuple(warnings)
    return (*warnings[:_MOST_WARNINGS], f"and {len(warnings) - _MOST_WARNINGS:,} more")
