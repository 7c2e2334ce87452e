"""A text as the analyser and the encoder read it."""

from __future__ import annotations

import msgspec
import pytest

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.generation import Generation
from membrowse.ranking.query_parser import MAX_QUERY_CHARACTERS
from membrowse.ranking.tokens import TokenSources, tokenise_chunk, tokenise_query
from membrowse.wire.tokens import TokenisedText
from tests.index import factories

HOSTILE = "[/red] \x1b]52;c;x\x07 \u202e\u200b \ufffd"


@pytest.fixture(scope="module")
def sources(generation: Generation, encoder: ResidentEncoder) -> TokenSources:
    return TokenSources(generation.keyword, encoder.pieces, 256)


def test_a_word_is_shown_step_by_step(sources: TokenSources) -> None:
    tokenised = tokenise_query("Which Déployments run on k8s?", sources)
    steps = [(w.typed, w.folded, w.term, w.kind, w.stop_word) for w in tokenised.tokens]
    assert steps == [
        ("Which", "which", "which", "word", True),
        ("Déployments", "deployments", "deploy", "word", False),
        ("run", "run", "run", "word", False),
        ("on", "on", "on", "word", True),
        ("k8s", "k8s", "k8s", "word", False),
    ]
    assert tokenised.tokens[1].df == 2
    assert [piece.piece for piece in tokenised.pieces][-4:] == ["k", "##8", "##s", "?"]
    assert (tokenised.label, tokenised.header, tokenised.unknown) == ("query", "", 0.0)
    assert (tokenised.count, tokenised.window) == (len(tokenised.pieces) + 2, 256)


def test_identifiers_and_pairs_are_shown_with_their_parts(sources: TokenSources) -> None:
    tokenised = tokenise_query("tools/getUser.py 备份团队", sources)
    kinds = {word.term: word.kind for word in tokenised.tokens}
    assert kinds["tools/getuser.py"] == kinds["getuser.py"] == "whole"
    assert kinds["user"] == "word"
    assert kinds["备份"] == kinds["份团"] == "pair"
    assert "备" not in kinds  # single characters are only indexed


def test_unknown_pieces_are_marked(sources: TokenSources) -> None:
    tokenised = tokenise_query("备份 团 backup!", sources)
    unknown = [
        tokenised.text[piece.start : piece.end] for piece in tokenised.pieces if not piece.known
    ]
    assert unknown
    known = [piece for piece in tokenised.pieces if piece.known and piece.piece != "!"]
    assert tokenised.unknown == pytest.approx(len(unknown) / (len(unknown) + len(known)))


def test_a_chunk_is_tokenised_with_its_header(sources: TokenSources) -> None:
    chunk = factories.chunk("a.md", 2, "The port is 22.", header="Ports › SSH, 2026-03-02")
    tokenised = tokenise_chunk(chunk, sources)
    assert (tokenised.label, tokenised.header) == ("a.md:21", chunk.header)
    read = f"{chunk.header}\n{chunk.text}"
    pieces = [read[piece.start : piece.end] for piece in tokenised.pieces]
    assert "".join(pieces).startswith("Ports›SSH,2026")
    assert pieces[-2:] == ["22", "."]
    assert [word.typed for word in tokenised.tokens] == ["The", "port", "is", "22"]


def test_without_a_model_only_the_analysis_is_shown(generation: Generation) -> None:
    tokenised = tokenise_query(
        "port", TokenSources(generation.keyword, None, 0, "the encoder is loading")
    )
    assert (tokenised.pieces, tokenised.count, tokenised.message) == (
        (),
        0,
        "the encoder is loading",
    )
    assert tokenised.tokens[0].df > 0


@pytest.mark.parametrize(
    "text", ["", " ", HOSTILE, "a" * 500], ids=["", "blank", "hostile", "long"]
)
def test_odd_texts_are_kept_unchanged(sources: TokenSources, text: str) -> None:
    tokenised = tokenise_query(text, sources)
    assert tokenised.text == text
    assert msgspec.json.decode(msgspec.json.encode(tokenised), type=TokenisedText) == tokenised
    spans = [(word.start, word.end) for word in tokenised.tokens]
    spans += [(piece.start, piece.end) for piece in tokenised.pieces]
    assert all(0 <= start < end <= len(text) for start, end in spans)


def test_a_long_text_is_cut_like_a_query(sources: TokenSources) -> None:
    tokenised = tokenise_query("port " * MAX_QUERY_CHARACTERS, sources)
    assert len(tokenised.text) == MAX_QUERY_CHARACTERS
    assert "20,000" in tokenised.message
