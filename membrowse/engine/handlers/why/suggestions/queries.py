"""Suggests the query with one word more or less: what the agent would have had to ask.

No word of the answer is suggested: who knows the answer need not ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from membrowse.engine.handlers.why.suggestions.trial import Candidate, Trial
from membrowse.index import bm25
from membrowse.index.analyser import Token, TokenKind, analyse, is_stop_word
from membrowse.notes.chunk import Chunk
from membrowse.notes.text_segmentation import Lines
from membrowse.ranking.query_parser import word_spans
from membrowse.wire.diagnosis import Suggestion, SuggestionKind
from membrowse.wire.search import Target

_ADDED = 10
"""Words of the target that are tried."""
_DROPPED = 16
"""Words of the query that are tried."""
_SIZE = 0.3


def query_candidates(trial: Trial) -> Iterator[Candidate]:
    """Queries that work: first without one of their words, then with a word of the target."""
    query = trial.ranked_query.query
    spans = word_spans(query.text, query.syntax)
    for start, end in spans[:_DROPPED] if len(spans) > 1 else ():
        without = f"{query.text[:start].rstrip()} {query.text[end:].lstrip()}".strip()
        word = query.text[start:end]
        yield from _tried_query(trial, without, f"drop {_quoted(word)} from the query")
    for word in words_of_target(trial)[:_ADDED]:
        with_word = f"{query.text.rstrip()} {word}".lstrip()
        yield from _tried_query(trial, with_word, f"add {_quoted(word)} to the query")


def _tried_query(trial: Trial, text: str, description: str) -> Iterator[Candidate]:
    rank = trial.by_query(text)
    if rank is not None and trial.works(rank):
        change = Suggestion(kind=SuggestionKind.QUERY, change=description, rank=rank, query=text)
        yield Candidate(change, _SIZE)


def _quoted(word: str) -> str:
    return f"“{word.strip('“”')}”"


def words_of_target(trial: Trial) -> list[str]:
    """Words of the target's chunk that the query lacks, as written, the rarest first.

    Words of the answer (the expected text, or the expected line) and values (words with digits,
    unless title, headings or date have them) are left out. Among equally rare words, plain words
    go before identifiers.
    """
    ranked_query = trial.ranked_query
    chunk = ranked_query.chunks[trial.row]
    known = f"{ranked_query.parsed.words}\n{_expected_answer(chunk, trial.target)}"
    asked = {token.term for token in analyse(known)}
    text = f"{chunk.header}\n{chunk.text}"
    found: dict[str, str] = {}
    for token in analyse(text):
        written = text[token.start : token.end]
        in_text = token.start > len(chunk.header)
        value = in_text and any(character.isdigit() for character in written)
        if token.term not in asked and not value and _can_be_asked(token, written, text):
            found.setdefault(token.term, written)
    reader = ranked_query.generation.keyword
    idf = {term: bm25.idf(reader.rows, len(reader.rows_with("body", term))) for term in found}
    order = sorted(found, key=lambda term: (-idf[term], not found[term].isalpha()))
    return [found[term] for term in order]


def _expected_answer(chunk: Chunk, target: Target) -> str:
    """What is expected, as far as the target says."""
    if target.text or not target.line:
        return target.text
    lines = Lines(chunk.text)
    number = target.line - chunk.start_line
    start, end = lines.line_span(number) if 0 <= number < len(lines) else (0, 0)
    return chunk.text[start:end]


def _can_be_asked(token: Token, written: str, text: str) -> bool:
    if token.kind is TokenKind.PAIR:
        return len(written) > 1
    plain = token.kind is TokenKind.WORD and re.fullmatch(r"\w[\w'’-]+", written) is not None
    return plain and not is_stop_word(token, text)
