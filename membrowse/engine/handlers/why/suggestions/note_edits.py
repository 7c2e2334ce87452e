"""Suggests writing missing query words into the answer's sentence or into the heading above it.

Each edit is a phrase to complete: `…` stands for what the author writes around the words.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from membrowse.engine.handlers.why.steps.finding import quoted_list
from membrowse.engine.handlers.why.suggestions.trial import Candidate, NotTried, Trial
from membrowse.engine.indexing.note_reader import NoteReader
from membrowse.engine.indexing.vectoriser import INLINE_CHUNKS
from membrowse.index.analyser import analyse
from membrowse.index.change_plan import NoteChange
from membrowse.index.what_if import WhatIf, what_if
from membrowse.notes.chunk import Chunk
from membrowse.notes.headings import heading_above
from membrowse.notes.markdown_blocks import WHOLE, Block, note_blocks
from membrowse.notes.not_indexable import NotIndexable
from membrowse.notes.note import Note, parse_note
from membrowse.notes.reader import FileContent, read_file
from membrowse.notes.text_segmentation import Lines
from membrowse.ranking.targets import comparable
from membrowse.wire.diagnosis import Edit, Suggestion, SuggestionKind
from membrowse.wire.search import Target

_WORDS = 4
"""Query words that are tried, alone."""
_TOGETHER = 3
"""Query words that are tried together at most."""
_ENOUGH = 2
"""Stop after this many edits that work."""
_ENCODED = 16
"""Chunks that are encoded for all edits (20 ms each) after one that works was found."""
_SIZE = 0.1
"""Size of an edit, per word."""
_LONGEST = 150
"""Chunks of a note at most: parsing a longer note would delay queries."""
_ENCODING = "utf-8"
_PROSE = frozenset({"paragraph", "bullet_list", "ordered_list", "blockquote"})
"""Kinds of blocks whose lines can be continued."""


@dataclass(frozen=True, slots=True)
class _Phrasing:
    """One line of the note, written with words of the query."""

    line: int
    """From 1."""
    before: str
    after: str
    words: int
    change: str


def note_edit_candidates(trial: Trial) -> Iterator[Candidate]:
    """Edits that work, the shortest first. Raises `NotTried` if they cannot be tried."""
    if trial.ranked_query.generation.best_chunks is not None:
        raise NotTried("Milvus ranks what is stored in it: make the edit and save it")
    source = _target_file(trial)
    trial.checkpoint()
    reader = NoteReader(trial.components.roots, trial.settings.notes, trial.components.models)
    found = encoded = 0
    for phrasing in _phrasings(trial, source):
        trial.checkpoint()
        change = reader.change(_edited_note(source, phrasing))
        encoded += len(trial.components.index.missing_inputs([change]))
        if found and encoded > _ENCODED:
            return
        rank, hypothetical = _hypothetical(trial, change)
        if rank is not None and trial.works(rank):
            edit = Edit(
                path=source.path, line=phrasing.line, before=phrasing.before, after=phrasing.after
            )
            made = Suggestion(
                kind=SuggestionKind.NOTE, change=phrasing.change, rank=rank, edit=edit
            )
            yield Candidate(made, _SIZE * phrasing.words, hypothetical)
            found += 1
        if found == _ENOUGH:
            return


def _phrasings(trial: Trial, source: FileContent) -> list[_Phrasing]:
    """What can be written, with the fewest words first; the sentence before the heading."""
    note, lines = parse_note(source), Lines(source.text)
    if len(Lines(note.text)) != len(lines):
        raise NotTried("only a part of the file is a note")
    both = [*_sentences(trial, note), *_headings(trial, note)]
    in_file = (each for each in both if _line_text(lines, each.line) == each.before)
    return sorted(in_file, key=lambda phrasing: phrasing.words)


def _sentences(trial: Trial, note: Note) -> Iterator[_Phrasing]:
    """The answer's line, continued."""
    lines = Lines(note.text)
    line = _answer_line(note, lines, trial.ranked_query.chunks[trial.row], trial.target)
    if line is None:
        return
    before = _line_text(lines, line)
    for words in _word_groups(trial, before):
        change = f"write the answer's sentence at {note.path}:{line} with {_named(words)}"
        after = f"{before.rstrip()} … {' … '.join(words)} …"
        yield _Phrasing(line, before, after, len(words), change)


def _headings(trial: Trial, note: Note) -> Iterator[_Phrasing]:
    """The innermost heading above the answer, continued."""
    heading = heading_above(note, trial.ranked_query.chunks[trial.row])
    if heading is None:
        return
    for words in _word_groups(trial, heading.text):
        change = f"write the heading at {note.path}:{heading.line} with {_named(words)}"
        after = heading.with_word(f"– {' … '.join(words)} …")
        yield _Phrasing(heading.line, heading.text, after, len(words), change)


def _named(words: Sequence[str]) -> str:
    return f"the word{'' if len(words) == 1 else 's'} {quoted_list(words)}"


def _line_text(lines: Lines, number: int) -> str:
    """The text of a line (from 1), without its end."""
    start, end = lines.line_span(number - 1)
    return lines.text[start:end].rstrip("\r\n")


def _answer_line(note: Note, lines: Lines, chunk: Chunk, target: Target) -> int | None:
    """The line (from 1) of the chunk that holds what is expected, if it can be continued.

    The line of the target, else that with its text, else the last one.
    """
    prose = [
        number
        for block in note_blocks(note, lines)
        if _is_prose(block)
        for number in range(block.start + 1, block.end + 1)
        if chunk.start_line <= number <= chunk.end_line and _line_text(lines, number).strip()
    ]
    wanted = comparable(target.text)
    with_text = [
        number for number in prose if wanted and wanted in comparable(_line_text(lines, number))
    ]
    if target.line in prose:
        return target.line
    return next(iter(with_text), prose[-1] if prose else None)


def _is_prose(block: Block) -> bool:
    return block.kind in _PROSE and not any(_has_code(child) for child in block.children)


def _has_code(block: Block) -> bool:
    return block.kind in WHOLE or any(map(_has_code, block.children))


def _hypothetical(trial: Trial, change: NoteChange) -> tuple[int | None, WhatIf]:
    """The target's rank after `change`, and the generation that it would be in."""
    index, encoder = trial.components.index, trial.components.models.encoder
    if encoder is None:
        raise NotTried("there is no encoder")
    trial.checkpoint()
    if len(index.missing_inputs([change])) > INLINE_CHUNKS:
        raise NotTried("too much would have to be encoded again")  # in bulk, less precisely
    hypothetical = what_if(index, trial.ranked_query.generation, change, encoder.encode)
    return trial.by_edit(hypothetical), hypothetical


def _target_file(trial: Trial) -> FileContent:
    """The target's file. Raises `NotTried` if the index is not up to date with the folder."""
    pending = trial.components.indexer.state.pending
    path = trial.ranked_query.chunks[trial.row].path
    note = trial.ranked_query.notes[path]
    if trial.components.index.stale or pending.total > pending.failed:
        raise NotTried("other changes wait to be indexed")
    if trial.components.store:
        raise NotTried("the store is read-only")
    if note.chunks > _LONGEST:
        raise NotTried(f"the note is long ({note.chunks} chunks)")
    try:
        source = read_file(trial.components.roots, path, trial.settings.notes)
    except (NotIndexable, OSError) as error:
        raise NotTried("the file cannot be read") from error
    if source.sha256 != note.sha256:
        raise NotTried("the file has changed since it was indexed")
    if source.encoding != _ENCODING:
        raise NotTried(f"the file is {source.encoding}")
    return source


def _word_groups(trial: Trial, text: str) -> list[tuple[str, ...]]:
    """Query words that are missing from `text`, as typed: each alone, then the rarest together."""
    parsed, idf = trial.ranked_query.parsed, trial.ranked_query.postings.idf
    there = {token.term for token in analyse(text)}
    missing = {term: typed for term, typed in parsed.typed.items() if term not in there}
    rarest = [missing[term] for term in sorted(missing, key=lambda term: -idf[term])]
    words = list(dict.fromkeys(rarest))[:_WORDS]
    together = range(2, min(_TOGETHER, len(words)) + 1)
    return [*((word,) for word in words), *(tuple(words[:count]) for count in together)]


def _edited_note(source: FileContent, phrasing: _Phrasing) -> FileContent:
    """`source` with the line replaced."""
    start, _ = Lines(source.text).line_span(phrasing.line - 1)
    rest = source.text[start + len(phrasing.before) :]
    text = source.text[:start] + phrasing.after + rest
    content = text.encode()
    return replace(
        source,
        text=text,
        size=len(content),
        mtime_ns=time.time_ns(),
        sha256=hashlib.sha256(content).hexdigest(),
    )
