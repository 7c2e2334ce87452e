"""Count and list word pieces with the encoder's own tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from membrowse.encoding.encoder import Piece
from membrowse.encoding.model_config import load_tokenizer
from membrowse.encoding.model_files import ModelFiles
from membrowse.notes.characters import (
    compatible,
    fold,
    fold_words,
    fold_words_origins,
    is_folded,
)

_PART_CHARACTERS = 65_536
"""Characters tokenised in one call: 5 MB at once take 5 s and 770 MB."""
_WORD_PIECES = 24
"""Pieces within which a word ends, unless the script has no spaces."""
_UNKNOWN_NAMES = ("[UNK]", "<unk>")


@dataclass(frozen=True, slots=True, eq=False)
class Tokenised:
    """A text as the encoder's input: n ids with prompt and specials, cut to the model's limit."""

    ids: NDArray[np.int64]
    """[n]"""
    inner: slice
    """The ids of the text: all but specials and prompt."""
    pieces: tuple[Piece, ...]
    """The t pieces of `inner`; offsets are characters of the text without the prompt."""
    cut: bool
    """Whether the text is longer than the encoder reads."""


def split_text(text: str, size: int = _PART_CHARACTERS) -> Iterator[tuple[int, str]]:
    """Yield parts of at most `size` characters with their offsets, split before spaces."""
    start = 0
    while len(text) - start > size:
        space = max(text.rfind(blank, start + size // 2, start + size) for blank in " \n")
        end = space if space > start else start + size
        yield start, text[start:end]
        start = end
    yield start, text[start:]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A part of a text, tokenised after folding."""

    encoding: Encoding
    offset: int
    """Offset of the part in the text."""
    origins: Callable[[], list[tuple[int, int]]] | None
    """Returns the span in the part of each folded character; None if folding changed nothing."""

    def spans(self) -> list[tuple[int, int]]:
        """The span of each piece in the part, before folding."""
        offsets: list[tuple[int, int]] = self.encoding.offsets
        if self.origins is None:
            return offsets
        origins = self.origins()
        return [(origins[start][0], origins[end - 1][1]) for start, end in offsets]


class WordPieces:
    """The tokenizer of an encoder, without the padding and truncation set in its file.

    It reads text as the analyser folds it; case and accents only if they mean nothing to it.

    Immutable, so safe to share between threads.
    """

    def __init__(self, files: ModelFiles) -> None:
        """Raises `ModelRefused` if the tokenizer's file cannot be read."""
        self._tokenizer = load_tokenizer(files.config.tokenizer)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._prefix, self._suffix = self._specials()
        self._max_pieces = files.config.max_pieces - len(self._prefix) - len(self._suffix)
        self._unknown = self._unknown_id()
        self._folding = fold if self._ignores_case_and_accents() else compatible

    def _ignores_case_and_accents(self) -> bool:
        normalizer = self._tokenizer.normalizer
        return normalizer is not None and normalizer.normalize_str("É") == "e"

    def _specials(self) -> tuple[list[int], list[int]]:
        """Return the special tokens before and after every text ([CLS] and [SEP])."""
        encoding = self._tokenizer.encode("a")
        inner = [i for i, special in enumerate(encoding.special_tokens_mask) if not special]
        return encoding.ids[: inner[0]], encoding.ids[inner[-1] + 1 :]

    def _unknown_id(self) -> int | None:
        named = getattr(self._tokenizer.model, "unk_token", None)
        names = (named,) if named else _UNKNOWN_NAMES
        ids = (self._tokenizer.token_to_id(name) for name in names)
        return next((found for found in ids if found is not None), None)

    def _encodings(self, text: str) -> Iterator[_Part]:
        for offset, part in split_text(text):
            origins = None
            if not is_folded(part):
                origins = partial(fold_words_origins, part, self._folding)
                part = fold_words(part, self._folding)
            yield _Part(self._tokenizer.encode(part, add_special_tokens=False), offset, origins)

    def _pieces(self, part: _Part, shift: int = 0) -> list[Piece]:
        unknown = self._unknown
        encoding, offset = part.encoding, part.offset - shift
        return [
            Piece(token, offset + start, offset + end, id_ != unknown)
            for token, (start, end), id_ in zip(
                encoding.tokens, part.spans(), encoding.ids, strict=True
            )
        ]

    @property
    def specials(self) -> int:
        """Number of special tokens around every text."""
        return len(self._prefix) + len(self._suffix)

    def name(self, token: int) -> str:
        """Return the vocabulary entry of a token id."""
        return self._tokenizer.id_to_token(token) or ""

    def count(self, text: str) -> int:
        """Return the number of word pieces of `text`, without specials."""
        return sum(len(part.encoding) for part in self._encodings(text))

    def pieces(self, text: str) -> list[Piece]:
        """Return all word pieces of `text`, without specials, however long it is."""
        return [piece for part in self._encodings(text) for piece in self._pieces(part)]

    def tokenise_query(self, text: str, prompt: str = "") -> Tokenised:
        """Like `tokenise`, but of a long query the end is kept, where agents put the question."""
        skipped = max(0, len(text) - _PART_CHARACTERS)
        whole = prompt + text[skipped:]
        pieces = self.pieces(whole)
        prompt_pieces = sum(piece.end <= len(prompt) for piece in pieces) if prompt else 0
        surplus = len(pieces) - self._max_pieces
        if surplus <= 0:
            return self.tokenise(text, prompt)
        first = prompt_pieces + surplus
        starts = [piece.start for piece in pieces[first : first + _WORD_PIECES]]
        start = next((at for at in starts if whole[at - 1].isspace()), starts[0])
        start += skipped - len(prompt)
        kept = self.tokenise(text[start:], prompt)
        shifted = tuple(
            replace(piece, start=piece.start + start, end=piece.end + start)
            for piece in kept.pieces
        )
        return replace(kept, pieces=shifted, cut=True)

    def tokenise(self, text: str, prompt: str = "") -> Tokenised:
        """Return `prompt` and `text` as the encoder's input, cut to the pieces that it reads."""
        ids: list[int] = []
        pieces: list[Piece] = []
        for part in self._encodings(prompt + text):
            ids += part.encoding.ids
            pieces += self._pieces(part, len(prompt))
            if len(ids) > self._max_pieces:
                break
        prompt_pieces = sum(piece.end <= 0 for piece in pieces) if prompt else 0
        first = len(self._prefix) + prompt_pieces
        inner_pieces = tuple(pieces[prompt_pieces : self._max_pieces])
        return Tokenised(
            ids=np.array(self._prefix + ids[: self._max_pieces] + self._suffix, dtype=np.int64),
            inner=slice(first, first + len(inner_pieces)),
            pieces=inner_pieces,
            cut=len(ids) > self._max_pieces,
        )
