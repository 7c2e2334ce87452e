"""A text as the analyser and the encoder see it."""

from __future__ import annotations

import msgspec
import pytest

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.generation import Generation
from membrowse.ranking.query_parser import LONGEST
from membrowse.ranking.tokens import EncoderTokens, of_chunk, of_query
from membrowse.wire.tokens import TokenisedText
from tests.index import factories

HOSTILE = "[/red] \x1b]52;c;x\x07 \u202e\u200b \ufffd"


@pytest.fixture(scope="module")
def scale(generation: Generation, encoder: ResidentEncoder) -> EncoderTokens:
    return EncoderTokens(generation.keyword, encoder.pieces, 256)


def test_a_word_is_shown_step_by_step(scale: EncoderTokens) -> None:
    ruler = of_query("Which Déployments run on k8s?", scale)
    told = [(w.typed, w.folded, w.term, w.kind, w.stop_word) for w in ruler.tokens]
    assert told == [
        ("Which", "which", "which", "word", True),
        ("Déployments", "deployments", "deploy", "word", False),
        ("run", "run", "run", "word", False),
        ("on", "on", "on", "word", True),
        ("k8s", "k8s", "k8s", "word", False),
    ]
    assert ruler.tokens[1].df == 2
    assert [piece.piece for piece in ruler.pieces][-4:] == ["k", "##8", "##s", "?"]
    assert (ruler.label, ruler.header, ruler.unknown) == ("query", "", 0.0)
    assert (ruler.count, ruler.window) == (len(ruler.pieces) + 2, 256)


def test_identifiers_and_pairs_are_shown_whole_and_by_part(scale: EncoderTokens) -> None:
    ruler = of_query("tools/getUser.py 备份团队", scale)
    kinds = {word.term: word.kind for word in ruler.tokens}
    assert kinds["tools/getuser.py"] == kinds["getuser.py"] == "whole"
    assert kinds["user"] == "word"
    assert kinds["备份"] == kinds["份团"] == "pair"
    assert "备" not in kinds  # what is only indexed is not looked for


def test_what_the_encoder_does_not_know_is_marked(scale: EncoderTokens) -> None:
    ruler = of_query("备份 团 backup!", scale)
    unknown = [ruler.text[piece.start : piece.end] for piece in ruler.pieces if not piece.known]
    assert unknown
    known = [piece for piece in ruler.pieces if piece.known and piece.piece != "!"]
    assert ruler.unknown == pytest.approx(len(unknown) / (len(unknown) + len(known)))


def test_a_chunk_is_measured_with_its_header(scale: EncoderTokens) -> None:
    chunk = factories.chunk("a.md", 2, "The port is 22.", header="Ports › SSH, 2026-03-02")
    ruler = of_chunk(chunk, scale)
    assert (ruler.label, ruler.header) == ("a.md:21", chunk.header)
    read = f"{chunk.header}\n{chunk.text}"
    pieces = [read[piece.start : piece.end] for piece in ruler.pieces]
    assert "".join(pieces).startswith("Ports›SSH,2026")
    assert pieces[-2:] == ["22", "."]
    assert [word.typed for word in ruler.tokens] == ["The", "port", "is", "22"]


def test_without_a_model_the_analyser_is_shown_alone(generation: Generation) -> None:
    ruler = of_query("port", EncoderTokens(generation.keyword, None, 0, "the encoder is loading"))
    assert (ruler.pieces, ruler.count, ruler.message) == ((), 0, "the encoder is loading")
    assert ruler.tokens[0].df > 0


@pytest.mark.parametrize(
    "text", ["", " ", HOSTILE, "a" * 500], ids=["", "blank", "hostile", "long"]
)
def test_odd_texts_stay_as_they_are(scale: EncoderTokens, text: str) -> None:
    ruler = of_query(text, scale)
    assert ruler.text == text
    assert msgspec.json.decode(msgspec.json.encode(ruler), type=TokenisedText) == ruler
    spans = [(word.start, word.end) for word in ruler.tokens]
    spans += [(piece.start, piece.end) for piece in ruler.pieces]
    assert all(0 <= start < end <= len(text) for start, end in spans)


def test_only_as_much_is_looked_at_as_a_query_may_have(scale: EncoderTokens) -> None:
    ruler = of_query("port " * LONGEST, scale)
    assert len(ruler.text) == LONGEST
    assert "20,000" in ruler.message
