"""Word pieces are counted as the encoder reads them, whatever its tokenizer file says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from membrowse.encoding.model_files import ModelFiles
from membrowse.encoding.word_pieces import WordPieces, split_text

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@pytest.fixture(scope="module")
def pieces(files: ModelFiles) -> WordPieces:
    return WordPieces(files)


def test_padding_and_truncation_do_not_affect_the_count(pieces: WordPieces) -> None:
    assert pieces.count("port") == 1
    assert pieces.count("port " * 700) == 700
    assert pieces.count("") == 0


@pytest.mark.parametrize(
    "text", ["Ports: 22, 2222!", "naïve café 端口", "un\tdo\r\nit", "🦩 flamingo"]
)
def test_offsets_of_pieces_are_correct(pieces: WordPieces, text: str) -> None:
    found = pieces.pieces(text)
    assert len(found) == pieces.count(text)
    assert all(0 <= piece.start < piece.end <= len(text) for piece in found)
    surfaces = [text[piece.start : piece.end] for piece in found]
    assert "".join(surfaces) == "".join(text.split())


def test_unknown_pieces_are_marked(pieces: WordPieces) -> None:
    found = pieces.pieces("port 🦩 " + "x" * 120)
    assert [piece.known for piece in found] == [True, False, False]
    assert found[-1].text == "[UNK]"


def test_tokenising_in_parts_makes_no_difference(pieces: WordPieces) -> None:
    words = "the staging host listens on port 22 \n" * 5_000
    assert pieces.count(words) == 8 * 5_000
    last = pieces.pieces(words)[-1]
    assert words[last.start : last.end] == "22"


def test_an_endless_word_is_tokenised(pieces: WordPieces) -> None:
    assert 1 <= pieces.count("a" * 300_000) <= 10


@given(st.text(alphabet="ab \n端", max_size=200), st.integers(1, 30))
def test_parts_cover_the_text(text: str, size: int) -> None:
    found = list(split_text(text, size))
    assert "".join(part for _, part in found) == text
    assert all(text[offset : offset + len(part)] == part for offset, part in found)
    assert all(len(part) <= size for _, part in found)


@pytest.mark.parametrize("text", ["", "ssh", "which port, 端口? ", "staging host " * 300])
def test_the_encoders_input_equals_that_of_sentence_transformers(
    pieces: WordPieces, reference: SentenceTransformer, text: str
) -> None:
    tokenised = pieces.tokenise(text)
    theirs = reference.preprocess([text])["input_ids"][0].tolist()
    assert tokenised.ids.tolist() == theirs
    assert len(tokenised.ids) == len(tokenised.pieces) + 2
    assert tokenised.cut == (pieces.count(text) > 254)


def test_threads_may_share_a_tokenizer(pieces: WordPieces) -> None:
    texts = [f"note {n} " * n for n in range(40)]
    with ThreadPoolExecutor(4) as pool:
        concurrent = list(pool.map(pieces.count, texts))
    assert concurrent == [pieces.count(text) for text in texts]


VARIANTS = [
    ("ﬁle", "file"),
    ("ＡＢＣ", "abc"),
    ("Łódź", "Lodz"),
    ("Straße", "strasse"),
    ("it’s", "it's"),
    ("soft\u00adhyphen", "softhyphen"),
    ("①②", "12"),
    ("٣٤", "34"),
    ("ｶﾞ", "ガ"),
    ("cafe\u0301", "café"),
    ("col·lecció", "colleccio"),
    ("Hawaiʻi", "Hawaii"),
    ("5\u202fkg", "5 kg"),
]


@pytest.mark.parametrize(("one", "other"), VARIANTS)
def test_the_encoder_reads_what_the_analyser_folds_as_folded(
    pieces: WordPieces, one: str, other: str
) -> None:
    assert [piece.text for piece in pieces.pieces(one)] == [
        piece.text for piece in pieces.pieces(other)
    ]


def test_a_symbol_joins_no_word(pieces: WordPieces) -> None:
    assert pieces.pieces("Port™")[0].text == "port"


@given(st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("ﬁﷺé’Ａ a1"))))
@example("\u00ad")
@example("a\u0301\u0301 ﷺ")
@settings(max_examples=200)
def test_pieces_of_folded_text_keep_their_place(pieces: WordPieces, text: str) -> None:
    found = pieces.pieces(text)
    assert pieces.count(text) == len(found)
    for piece, following in pairwise(found):
        assert 0 <= piece.start <= following.start
        assert piece.start < piece.end <= len(text)


@pytest.mark.parametrize("prompt", ["", "query: "])
@pytest.mark.parametrize("filler", ["staging host ", "unbelievable ", "x" * 90 + " ", "端口"])
def test_of_a_long_query_the_end_is_read(pieces: WordPieces, prompt: str, filler: str) -> None:
    question = "which port does the gateway use?"
    text = filler * 300 + question
    read = pieces.tokenise_query(text, prompt)
    assert read.cut
    assert 230 < len(read.ids) <= 256
    assert text[read.pieces[0].start :].endswith(question)
    assert read.pieces[-1].end == len(text)
    assert [text[each.start : each.end] for each in read.pieces[-2:]] == ["use", "?"]
    head = pieces.tokenise("", prompt).ids[:-1]
    assert read.ids[: len(head)].tolist() == head.tolist()


def test_a_short_query_is_read_whole(pieces: WordPieces) -> None:
    text = "port " * 254
    whole, cut = pieces.tokenise_query(text), pieces.tokenise(text)
    assert (whole.ids.tolist(), whole.pieces, whole.cut) == (cut.ids.tolist(), cut.pieces, False)
