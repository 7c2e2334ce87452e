"""Word pieces, counted and listed with the encoder's own tokenizer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from membrowse.encoding.model_files import ModelFiles
from membrowse.encoding.vectors import Piece

_PART = 65_536
"""Characters tokenised in one call: 5 MB at once take 5 s and 770 MB."""
_UNKNOWN_NAMES = ("[UNK]", "<unk>")


@dataclass(frozen=True, slots=True, eq=False)
class Tokenised:
    """A text as the encoder's input: n ids with prompt and specials, cut to what it reads."""

    ids: NDArray[np.int64]
    """[n]"""
    inner: slice
    """Which of the n belong to the text: all but specials and prompt."""
    pieces: tuple[Piece, ...]
    """The t pieces of `inner`; offsets are characters of the text without the prompt."""
    cut: bool
    """Whether the encoder cannot read the whole text."""


def parts(text: str, size: int = _PART) -> Iterator[tuple[int, str]]:
    """`text` in parts of at most `size` characters, parted before spaces, with their offsets."""
    start = 0
    while len(text) - start > size:
        space = max(text.rfind(blank, start + size // 2, start + size) for blank in " \n")
        end = space if space > start else start + size
        yield start, text[start:end]
        start = end
    yield start, text[start:]


class WordPieces:
    """The tokenizer of an encoder, without the padding and truncation that its file switches on.

    Safe to share between threads: it is never changed once it is made.
    """

    def __init__(self, files: ModelFiles) -> None:
        self._tokenizer = Tokenizer.from_file(str(files.configuration.tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._before, self._after = self._frame()
        self._room = files.configuration.reads - len(self._before) - len(self._after)
        self._unknown = self._unknown_id()

    def _frame(self) -> tuple[list[int], list[int]]:
        """The special tokens put before and after every text ([CLS] and [SEP])."""
        encoding = self._tokenizer.encode("a")
        inner = [i for i, special in enumerate(encoding.special_tokens_mask) if not special]
        return encoding.ids[: inner[0]], encoding.ids[inner[-1] + 1 :]

    def _unknown_id(self) -> int | None:
        named = getattr(self._tokenizer.model, "unk_token", None)
        names = (named,) if named else _UNKNOWN_NAMES
        ids = (self._tokenizer.token_to_id(name) for name in names)
        return next((found for found in ids if found is not None), None)

    def _encodings(self, text: str) -> Iterator[tuple[int, Encoding]]:
        for offset, part in parts(text):
            yield offset, self._tokenizer.encode(part, add_special_tokens=False)

    def _pieces(self, offset: int, encoding: Encoding) -> list[Piece]:
        unknown = self._unknown
        return [
            Piece(token, offset + start, offset + end, id_ != unknown)
            for token, (start, end), id_ in zip(
                encoding.tokens, encoding.offsets, encoding.ids, strict=True
            )
        ]

    @property
    def specials(self) -> int:
        """Special tokens put before and after every text."""
        return len(self._before) + len(self._after)

    def name(self, token: int) -> str:
        """The token of an id of `Tokenised.ids`, as in the vocabulary."""
        return self._tokenizer.id_to_token(token) or ""

    def count(self, text: str) -> int:
        """Word pieces of `text`, without specials."""
        return sum(len(encoding) for _, encoding in self._encodings(text))

    def pieces(self, text: str) -> list[Piece]:
        """All word pieces of `text`, without specials, however long it is."""
        return [
            piece
            for offset, encoding in self._encodings(text)
            for piece in self._pieces(offset, encoding)
        ]

    def tokenise(self, text: str, prompt: str = "") -> Tokenised:
        """`prompt` and `text` as the encoder's input: as many first pieces as it reads."""
        ids: list[int] = []
        found: list[Piece] = []
        for offset, encoding in self._encodings(prompt + text):
            ids += encoding.ids
            found += self._pieces(offset - len(prompt), encoding)
            if len(ids) > self._room:
                break
        of_prompt = sum(piece.end <= 0 for piece in found) if prompt else 0
        first = len(self._before) + of_prompt
        pieces = tuple(found[of_prompt : self._room])
        return Tokenised(
            ids=np.array(self._before + ids[: self._room] + self._after, dtype=np.int64),
            inner=slice(first, first + len(pieces)),
            pieces=pieces,
            cut=len(ids) > self._room,
        )
