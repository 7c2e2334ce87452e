"""Suggests adding a query word to the heading above the target."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace

from membrowse.engine.handlers.why.suggestions.trial import Candidate, NotTried, Trial
from membrowse.engine.indexing.note_reader import NoteReader
from membrowse.engine.indexing.vectoriser import INLINE_CHUNKS
from membrowse.index.analyser import analyse
from membrowse.index.change_plan import NoteChange
from membrowse.index.what_if import WhatIf, what_if
from membrowse.notes.headings import HeadingLine, heading_above
from membrowse.notes.not_indexable import NotIndexable
from membrowse.notes.note import parse_note
from membrowse.notes.reader import FileContent, read_file
from membrowse.notes.text_spans import Lines
from membrowse.wire.diagnosis import Edit, Suggestion, SuggestionKind

_WORDS = 4
"""Query words that are tried."""
_ENOUGH = 2
"""Stop after this many edits that work."""
_ENCODED = 16
"""Chunks that are encoded for all edits (20 ms each) after one that works was found."""
_SIZE = 0.4
_LONGEST = 150
"""Chunks of a note at most: parsing a longer note would delay queries."""
_ENCODING = "utf-8"


def candidates(trial: Trial) -> Iterator[Candidate]:
    """Edits that work. Raises `NotTried` if their effect cannot be computed."""
    source = _source(trial)
    trial.checkpoint()
    heading = heading_above(parse_note(source), trial.ranked_query.chunks[trial.row])
    if heading is None or _line(source, heading) != heading.text:
        return
    reader = NoteReader(trial.components.folder, trial.settings.notes, trial.components.models)
    found = encoded = 0
    for word in _missing_words(trial, heading):
        trial.checkpoint()
        after = heading.with_word(word)
        change = reader.change(_edited(source, heading, after))
        encoded += len(trial.components.index.missing_inputs([change]))
        if found and encoded > _ENCODED:
            return
        rank, hypothetical = _hypothetical(trial, change)
        if rank is not None and trial.works(rank):
            edit = Edit(path=source.path, line=heading.line, before=heading.text, after=after)
            told = f"add “{word}” to the heading at {source.path}:{heading.line}"
            made = Suggestion(kind=SuggestionKind.NOTE, change=told, rank=rank, edit=edit)
            yield Candidate(made, _SIZE, hypothetical)
            found += 1
        if found == _ENOUGH:
            return


def _hypothetical(trial: Trial, change: NoteChange) -> tuple[int | None, WhatIf]:
    """The target's rank after `change`, and the generation that it would be in."""
    index, encoder = trial.components.index, trial.components.models.encoder
    if encoder is None:
        raise NotTried("there is no encoder")
    trial.checkpoint()
    if len(index.missing_inputs([change])) > INLINE_CHUNKS:
        raise NotTried("they would have too much encoded again")  # in bulk, less precisely
    hypothetical = what_if(index, trial.ranked_query.generation, change, encoder.encode)
    return trial.by_edit(hypothetical), hypothetical


def _source(trial: Trial) -> FileContent:
    """The target's file. Raises `NotTried` if the index is not up to date with the folder."""
    pending = trial.components.indexer.state.pending
    path = trial.ranked_query.chunks[trial.row].path
    note = trial.ranked_query.notes[path]
    if trial.components.index.stale or pending.total > pending.failed:
        raise NotTried("other changes wait to be indexed")
    if note.chunks > _LONGEST:
        raise NotTried(f"the note is long ({note.chunks} chunks)")
    try:
        source = read_file(trial.components.folder, path, trial.settings.notes)
    except (NotIndexable, OSError) as error:
        raise NotTried("the file cannot be read") from error
    if source.sha256 != note.sha256:
        raise NotTried("the file has changed since it was indexed")
    if source.encoding != _ENCODING:
        raise NotTried(f"the file is {source.encoding}")
    return source


def _missing_words(trial: Trial, heading: HeadingLine) -> list[str]:
    """Query words that are missing from the heading, as typed, the rarest first."""
    parsed, idf = trial.ranked_query.parsed, trial.ranked_query.postings.idf
    there = {token.term for token in analyse(heading.text)}
    spans = zip(parsed.terms.terms, parsed.terms.spans, strict=True)
    missing = {term: parsed.words[start:end] for term, (start, end) in spans if term not in there}
    words = [missing[term] for term in sorted(missing, key=lambda term: -idf[term])]
    return list(dict.fromkeys(words))[:_WORDS]


def _line(source: FileContent, heading: HeadingLine) -> str:
    """The heading's line in the file; it differs from the heading if a payload was left out."""
    start, end = Lines(source.text).line_span(heading.line - 1)
    return source.text[start:end].rstrip("\r\n")


def _edited(source: FileContent, heading: HeadingLine, after: str) -> FileContent:
    """`source` with the heading replaced."""
    start = Lines(source.text).start(heading.line - 1)
    text = source.text[:start] + after + source.text[start + len(heading.text) :]
    content = text.encode()
    return replace(
        source,
        text=text,
        size=len(content),
        mtime_ns=time.time_ns(),
        sha256=hashlib.sha256(content).hexdigest(),
    )
