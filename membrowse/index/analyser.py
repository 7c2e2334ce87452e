"""The analyser: turn text into terms, the same for indexing and for queries.

Words are folded (see `characters`) and English-stemmed. Scripts without spaces become overlapping
pairs of characters. Identifiers are indexed whole and by part: `tools/get_userName.py` gives
`tools/get_username.py`, `get_username.py`, the joined `getusername`, and `tool`, `get`, `user`,
`name`, `py`. Amounts and joined forms are found however they are spaced (see `joined_forms`). Only
the innermost parts take a position, so phrases of words still match. Stop words are indexed but
dropped from queries, unless they are written as names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import lru_cache

import msgspec
from whoosh.analysis.acore import Token as WhooshToken
from whoosh.analysis.analyzers import Analyzer
from whoosh.lang.snowball.english import EnglishStemmer

from membrowse.index.joined_forms import (
    ABBREVIATION,
    AMOUNT,
    ORDINAL,
    Span,
    is_mac_address,
    joined_numbers,
    joined_whole,
    spaced_forms,
)
from membrowse.index.stop_words import POSSIBLE_NAMES, STOP_WORDS, is_name
from membrowse.notes.characters import SPACELESS, WORD, fold, is_lone_word, nfkc_with_offsets

ANALYSER = "2"
"""Version of the analyser, part of an index's recipe: raise it when the same text gives other
terms."""

MAX_TERM_CHARACTERS = 100
"""A longer word is indexed by its start, a longer compound by its parts."""


class TokenKind(StrEnum):
    WORD = "word"
    """Takes a position; phrases consist of these."""
    NAME = "name"
    """A stop word that is written as a name (`Will`, `US`); takes a position."""
    PAIR = "pair"
    """Two adjacent characters (or a lone one) of a script without spaces; takes a position."""
    WHOLE = "whole"
    """An identifier of several words, at the position of its first word."""
    PART = "part"
    """Another term for the word at the same position: a short hash, the start of a version, a name
    in capitals."""


class Token(msgspec.Struct, frozen=True, gc=False):
    """A term of a text and its source, `text[start:end]` in code points."""

    term: str
    start: int
    end: int
    position: int
    kind: TokenKind


class QueryTerms(msgspec.Struct, frozen=True):
    """The unique terms of a query in order, and the words that were dropped."""

    terms: tuple[str, ...]
    dropped: tuple[str, ...]
    """Dropped stop words, folded, unique, in order."""
    spans: tuple[tuple[int, int], ...]
    """Where each of `terms` first occurs in the query."""


_SEPARATOR = r"(?:://|::|_*(?:[/\\]\.?|[.@:#&\-\u2010\u2011])_*|_+|['\u2019\u02bc\u00b7]|(?<=\d),(?=\d{3}(?!\d)))"
_RUNS = re.compile(
    rf"(?:(?<![\w.])\.(?=[^\W\d_]))?{WORD}(?:{_SEPARATOR}{WORD})*(?:\+\+|\#(?![\w#]))?"
    rf"|(?P<spaceless>[{SPACELESS}]+)"
    r"|(?P<symbol>[\u2600-\u27bf\u2b50\U0001f300-\U0001faff]|[\U0001f1e6-\U0001f1ff]{2})"
)
_LEVELS = (
    re.compile(r"[^/\\@:#&+]+"),  # segments of paths, hosts and ports, addresses
    re.compile(r"[^.]+"),  # dotted names, versions
    re.compile(r"[^_\-\u2010\u2011]+"),  # snake_case, kebab-case
)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[0-9])(?=[A-Z][a-z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_NUMBERED = re.compile(
    r"(?:[^\W\d_]{2,3}(?=\d{2})|(?![0-9A-Fa-f]{8,}\Z)[^\W\d_]{4,})(?=(\d{1,12})\Z)"
)
_SIZE = re.compile(r"\d{1,5}(?:x\d{1,5}){1,2}")
_HASH = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{9,64}")
_VERSION = re.compile(r"([^\W\d_]{0,20})(\d+\.\d+)((?:\.\d+)*)(?:[-+].*)?")
_HEX = re.compile(r"0x([0-9a-f]{2,16})")
_ELISION = re.compile(r"\A(?:[cdjlmnst]|qu)['\u2019\u02bc](?=\w\w)", re.IGNORECASE)
_APOSTROPHES = re.compile(r"['\u2019\u02bc](?:(?:[sdm]|ll|re|ve)$)?|,", re.IGNORECASE)
_APOSTROPHE = re.compile(r"['\u2019\u02bc](?!(?:[stdm]|ll|re|ve)\Z)", re.IGNORECASE)

_MAX_CACHED_CHARACTERS = 64
_MAX_CACHED_RUNS = 30_000

_Source = tuple[str, int, int, int, TokenKind]
"""The fields of a `Token`."""
_Analysis = tuple[tuple[_Source, ...], int]
"""Tokens of a run, with relative offsets and positions, and the number of positions it takes."""

_stem: Callable[[str], str] = lru_cache(maxsize=30_000)(EnglishStemmer().stem)


def analyse(text: str, *, query: bool = False) -> list[Token]:
    """Return every token of `text` as indexed, by position (a whole before its parts).

    With `query`, return the tokens to search for, stop words included.
    """
    return [Token(*token) for token in _tokens(text, query=query)]


def query_terms(text: str) -> QueryTerms:
    """Return the terms to search for. Stop words are dropped unless nothing else remains."""
    kept: dict[str, tuple[int, int]] = {}
    stopped: dict[str, tuple[int, int]] = {}
    dropped: dict[str, None] = {}
    for term, start, end, _, kind in _tokens(text, query=True):
        word = fold_word(text[start:end]) if kind is TokenKind.WORD else ""
        if word in STOP_WORDS:
            dropped[word] = None
            stopped.setdefault(term, (start, end))
        else:
            kept.setdefault(term, (start, end))
    if not kept:
        kept, dropped = stopped, {}
    return QueryTerms(tuple(kept), tuple(dropped), tuple(kept.values()))


def is_stop_word(token: Token, text: str) -> bool:
    """Whether `token` of `text` is a stop word that is not written as a name."""
    return token.kind is TokenKind.WORD and fold_word(text[token.start : token.end]) in STOP_WORDS


def phrase_terms(text: str) -> tuple[str, ...]:
    """Return the terms that occur at consecutive positions wherever a text contains this phrase."""
    in_order = (TokenKind.WORD, TokenKind.NAME, TokenKind.PAIR)
    return tuple(token[0] for token in _tokens(text, query=True) if token[4] in in_order)


class NoteAnalyzer(Analyzer):  # type: ignore[misc]
    """Adapts the analyser to Whoosh, which expects one token object, modified and yielded again."""

    def __call__(
        self,
        value: str,
        positions: bool = False,
        chars: bool = False,
        start_pos: int = 0,
        start_char: int = 0,
        mode: str = "",
        removestops: bool = True,
        **kwargs: object,
    ) -> Iterator[WhooshToken]:
        token = WhooshToken(positions, chars, removestops=removestops, mode=mode, **kwargs)
        for term, start, end, position, _ in _tokens(value, query=mode == "query"):
            token.text = term
            token.boost = 1.0
            token.stopped = False
            token.pos = start_pos + position
            token.startchar = start_char + start
            token.endchar = start_char + end
            yield token


def _tokens(text: str, *, query: bool) -> Iterator[_Source]:
    cache = _cache
    position = 0
    forms = spaced_forms(text)
    form = next(forms, None)
    for match in _RUNS.finditer(text):
        run = match[0]
        offset = match.start()
        while form is not None and form[1] <= offset:
            form = next(forms, None)
        if form is not None and form[0] <= offset:
            yield form[2], form[0], form[1], position, TokenKind.WHOLE
            form = next(forms, None)
        group = match.lastgroup
        if group is None:
            analysis = cache.get(run) or _analyse_run(run)
            if run in POSSIBLE_NAMES and is_name(text, offset, match.end()):
                analysis = _name_analysis(run, analysis)
        elif group == "spaceless":
            analysis = _overlapping_pairs(run, query)
        else:
            analysis = ((run, 0, len(run), 0, TokenKind.WORD),), 1
        for term, start, end, step, kind in analysis[0]:
            yield term, offset + start, offset + end, position + step, kind
        position += analysis[1]


def _name_analysis(run: str, analysis: _Analysis) -> _Analysis:
    """Return the analysis of a stop word as a name: its term, and the name in capitals.

    No other term has capitals, so the name's frequency counts alone.
    """
    term, start, end, step, _ = analysis[0][0]
    capitals = fold_word(run).upper()
    name = (term, start, end, step, TokenKind.NAME)
    return (name, (capitals, start, end, step, TokenKind.PART)), 1


_cache: dict[str, _Analysis] = {}


def _analyse_run(run: str) -> _Analysis:
    analysis = _Run(run).analysis()
    if len(run) <= _MAX_CACHED_CHARACTERS:
        if len(_cache) >= _MAX_CACHED_RUNS:
            _cache.clear()
        _cache[run] = analysis
    return analysis


def _overlapping_pairs(run: str, query: bool) -> _Analysis:
    """Overlapping pairs of a run without spaces; in indexed text also single characters.

    So a query of one character matches anywhere, and a longer one ranks by its pairs alone.
    """
    characters, offsets = nfkc_with_offsets(run)
    last = len(characters) - 1
    if last == 0:
        return ((characters, 0, len(run), 0, TokenKind.PAIR),), 1
    ends = offsets[1:]
    for i in range(last - 1, -1, -1):
        if ends[i] == offsets[i]:
            ends[i] = ends[i + 1]
    tokens = []
    for i in range(last + 1):
        step = min(i, last - 1)
        if i < last:
            pair = characters[i : i + 2]
            tokens.append((pair, offsets[i], ends[i + 1], step, TokenKind.PAIR))
        if not query and is_lone_word(characters[i]):
            tokens.append((characters[i], offsets[i], ends[i], step, TokenKind.PART))
    return tuple(tokens), last


def fold_word(word: str) -> str:
    """Fold one word without stemming.

    Drops apostrophes with their affixes (`'s`, `l'`), and the dots of an abbreviation (`U.S.A`).
    """
    word = word[: 2 * MAX_TERM_CHARACTERS]
    if "." in word and ABBREVIATION.fullmatch(word):
        word = word.replace(".", "")
    return _folded_word(_APOSTROPHES.sub("", _ELISION.sub("", word)) or word)


def _folded_word(word: str) -> str:
    folded = fold(word).replace("'", "")
    if not folded.isascii():
        folded = "".join(c for c in folded if c.isprintable() and not c.isspace()) or folded
    return folded[:MAX_TERM_CHARACTERS] or word


def _stemmed_term(folded: str) -> str:
    if len(folded) > 2 and folded.isascii() and folded.isalpha():
        return _stem(folded)
    return folded


class _Run:
    """Takes apart one run of characters without spaces, level by level."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, int, int, int, TokenKind]] = []
        self._positions = 0

    def analysis(self) -> _Analysis:
        if self._text.isalpha() and (self._text.islower() or self._text[1:].islower()):
            self._word(0, len(self._text))
        else:
            self._level(0, len(self._text), 0)
        return tuple(self._tokens), self._positions

    def _add(self, term: str, start: int, end: int, kind: TokenKind) -> None:
        if term:
            self._tokens.append((term, start, end, self._positions, kind))

    def _level(self, start: int, end: int, level: int) -> None:
        text = self._text[start:end]
        if amount := AMOUNT.fullmatch(text):
            self._amount(start, start + amount.end(1), end)
            return
        if ABBREVIATION.fullmatch(text):
            self._word(start, end)
            return
        if is_mac_address(text):
            self._add(joined_whole(text.lower()), start, end, TokenKind.WORD)
            self._positions += 1
            return
        if level == len(_LEVELS):
            self._humps(start, end)
            return
        spans = [match.span() for match in _LEVELS[level].finditer(self._text, start, end)]
        if end - start <= MAX_TERM_CHARACTERS and (
            len(spans) > 1 or (level < 2 and spans != [(start, end)])
        ):
            joined = level == 2 and any(self._text[slice(*span)].isalpha() for span in spans)
            self._whole(spans if joined else [(start, end)])
        for first, last in spans:
            self._level(first, last, level + 1)

    def _whole(self, spans: list[Span]) -> None:
        start, end = spans[0][0], spans[-1][1]
        folded = _APOSTROPHES.sub("", fold("".join(self._text[a:b] for a, b in spans)))
        whole = _stemmed_term(joined_whole(folded))
        self._add(whole, start, end, TokenKind.WHOLE)
        others = {joined_numbers(folded)} - {folded}
        if version := _VERSION.fullmatch(folded):
            others |= {version[2] + version[3], version[2]} if version[1] or version[3] else set()
        self._parts(start, end, others - {whole})

    def _amount(self, start: int, middle: int, end: int) -> None:
        """Add a number and its unit, together and apart."""
        self._add(self._text_term(start, end), start, end, TokenKind.WHOLE)
        self._level(start, middle, 0)
        self._word(middle, end)

    def _humps(self, start: int, end: int) -> None:
        """Add a word, the words of a camelCase one, or a word and its number (`RTX4090`)."""
        word = self._text[start:end]
        cuts = [start, *(start + match.start() for match in _HUMP.finditer(word)), end]
        if len(cuts) == 2 and (numbered := _NUMBERED.match(word)):
            cuts = [start, start + numbered.start(1), end]
        if len(cuts) == 2 or len(cuts) > 9 or len(word) < 2 * (len(cuts) - 1):
            self._word(start, end)
            return
        self._add(self._text_term(start, end), start, end, TokenKind.WHOLE)
        for first, last in zip(cuts, cuts[1:], strict=False):
            self._word(first, last)

    def _word(self, start: int, end: int) -> None:
        word = self._text[start:end]
        folded = fold_word(word)
        term = _stemmed_term(folded)
        self._add(term, start, end, TokenKind.WORD)
        if _HASH.fullmatch(folded):
            self._parts(start, end, {folded[:7], folded[:8]})
        elif _SIZE.fullmatch(folded):
            self._parts(start, end, set(folded.split("x")))
        elif match := ORDINAL.fullmatch(folded) or _HEX.fullmatch(folded):
            self._parts(start, end, {match[1]})
        elif _APOSTROPHE.search(word):
            self._apostrophes(word, start, term)
        self._positions += 1

    def _apostrophes(self, word: str, start: int, term: str) -> None:
        """Add what stands before and after each apostrophe (`dell'acqua`, `Ankara'ya`)."""
        terms = {_stemmed_term(_folded_word(_APOSTROPHES.sub("", word)))}
        pieces = [_folded_word(piece) for piece in _APOSTROPHE.split(word)]
        terms |= {_stemmed_term(piece) for piece in pieces if len(piece) > 2}
        self._parts(start, start + len(word), terms - {term})

    def _text_term(self, start: int, end: int) -> str:
        return _stemmed_term(fold_word(self._text[start:end]))

    def _parts(self, start: int, end: int, terms: Iterable[str]) -> None:
        for term in sorted(terms):
            self._add(term, start, end, TokenKind.PART)
