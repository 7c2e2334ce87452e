"""The note with a word of the query in the heading above the target."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace

from membrowse.engine.changing.trial import Candidate, Trial
from membrowse.engine.notes import NoteReader
from membrowse.engine.vectoriser import INLINE_CHUNKS
from membrowse.findings.diagnosis import Change, ChangeKind, Edit
from membrowse.index.analysis import analyse
from membrowse.index.hypothesis import suppose, to_encode
from membrowse.knowledge.headings import HeadingLine, heading_of
from membrowse.knowledge.notes import parse
from membrowse.knowledge.reading import NotIndexable, Source, read

_WORDS = 4
"""Words of the query that are tried."""
_ENOUGH = 2
"""Edits that work, and no more are looked for."""
_SIZE = 0.4


def candidates(trial: Trial) -> Iterator[Candidate]:
    """Edits that work; none where the file is not as indexed, since its lines are then others."""
    encoder = trial.parts.models.encoder
    source = _source(trial)
    if encoder is None or source is None:
        return
    generation, index = trial.evaluation.at(), trial.parts.index
    heading = heading_of(parse(source), trial.evaluation.chunks[trial.row])
    if heading is None:
        return
    reader = NoteReader(trial.parts.folder, trial.settings.notes, trial.parts.models)
    found = 0
    for word in _missing_words(trial, heading):
        trial.pause()
        after = heading.with_word(word)
        change = reader.change(_edited(source, heading, after))
        if len(to_encode(index, change)) > INLINE_CHUNKS:
            return  # these would be encoded in bulk, at another precision
        supposed = suppose(index, generation, change, encoder.encode)
        rank = trial.by_edit(supposed)
        if rank is not None and trial.works(rank):
            edit = Edit(path=source.path, line=heading.line, before=heading.text, after=after)
            told = f"add “{word}” to the heading at {source.path}:{heading.line}"
            made = Change(kind=ChangeKind.NOTE, change=told, rank=rank, edit=edit)
            yield Candidate(made, _SIZE, supposed)
            found += 1
        if found == _ENOUGH:
            return


def _source(trial: Trial) -> Source | None:
    """The target's file, if it is as indexed and nothing else waits to be indexed."""
    pending = trial.parts.indexer.facts.pending
    generation = trial.evaluation.at()
    if trial.parts.index.stale or pending.total > pending.failed:
        return None
    path = trial.evaluation.chunks[trial.row].path
    try:
        source = read(trial.parts.folder, path, trial.settings.notes)
    except (NotIndexable, OSError):
        return None
    as_indexed = source.sha256 == generation.notes[path].sha256
    return source if as_indexed and source.encoding == "utf-8" else None


def _missing_words(trial: Trial, heading: HeadingLine) -> list[str]:
    """Words of the query that the heading lacks, as typed, the rarest first."""
    parsed, idf = trial.evaluation.parsed, trial.evaluation.terms().idf
    there = {token.term for token in analyse(heading.text)}
    spans = zip(parsed.terms.terms, parsed.terms.spans, strict=True)
    missing = {term: parsed.words[start:end] for term, (start, end) in spans if term not in there}
    words = [missing[term] for term in sorted(missing, key=lambda term: -idf[term])]
    return list(dict.fromkeys(words))[:_WORDS]


def _edited(source: Source, heading: HeadingLine, after: str) -> Source:
    """`source` as it will be read once the line is replaced."""
    text = source.text[: heading.start] + after + source.text[heading.end :]
    content = text.encode()
    return replace(
        source,
        text=text,
        size=len(content),
        mtime_ns=time.time_ns(),
        sha256=hashlib.sha256(content).hexdigest(),
    )
