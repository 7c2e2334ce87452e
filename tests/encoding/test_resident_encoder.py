"""The resident encoder returns the model's own vectors, whatever else is encoded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from membrowse.encoding.encoder import EncoderInput, Float32
from membrowse.encoding.pooling import normalise_rows
from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.notes.passages import passages
from tests.conftest import ExportedEncoder
from tests.encoding.quantisation import dequantise

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

QUERIES = [
    "which port does staging ssh use?",
    "端口 ssh",
    "the",
    "What did we decide about the cache: keep it, or not? " * 5,
]


def cosines(one: Float32, other: Float32) -> Float32:
    found: Float32 = np.einsum("nd,nd->n", normalise_rows(one), normalise_rows(other))
    return found


def test_sentence_vectors_are_the_models_own(
    resident: ResidentEncoder, reference: SentenceTransformer, chunks: list[EncoderInput]
) -> None:
    ours = np.array([one.vector for one in resident.encode(chunks)])
    theirs = reference.encode([chunk.encoded_text for chunk in chunks])
    assert cosines(ours, theirs).min() >= 0.99999


def test_query_vectors_are_the_models_own(
    resident: ResidentEncoder, reference: SentenceTransformer
) -> None:
    ours = np.array([resident.query(text).vector for text in QUERIES])
    assert cosines(ours, reference.encode(QUERIES)).min() >= 0.99999


def test_token_vectors_are_the_models_own_within_a_quantisation_step(
    resident: ResidentEncoder, reference: SentenceTransformer, chunks: list[EncoderInput]
) -> None:
    for chunk, encoded in zip(chunks, resident.encode(chunks), strict=True):
        (whole,) = reference.encode([chunk.encoded_text], output_value="token_embeddings")
        expected = normalise_rows(np.asarray(whole))
        found = dequantise(encoded.tokens, encoded.scales)
        assert found.shape == expected.shape
        assert np.all(np.abs(found - expected) <= encoded.scales[:, None] * 0.5 + 1e-5)


def test_query_tokens_are_the_models_own_and_aligned_with_their_pieces(
    resident: ResidentEncoder, reference: SentenceTransformer
) -> None:
    query = resident.query(QUERIES[0])
    (whole,) = reference.encode([QUERIES[0]], output_value="token_embeddings")
    np.testing.assert_allclose(query.tokens, normalise_rows(np.asarray(whole))[1:-1], atol=1e-5)
    assert [piece.text for piece in query.pieces] == [
        *("which", "port", "does", "staging", "ss", "##h", "use", "?")
    ]
    assert [QUERIES[0][piece.start : piece.end] for piece in query.pieces][4:6] == ["ss", "h"]


def test_passage_vectors_are_means_over_the_passages_tokens(
    resident: ResidentEncoder, reference: SentenceTransformer
) -> None:
    lines = ["Staging uses port 22. " * 4, "Production uses another port. " * 4]
    chunk = EncoderInput("k", "Ports", "\n\n".join(lines))
    assert len(passages(chunk.text)) == 2
    (encoded,) = resident.encode([chunk])
    (whole,) = reference.encode([chunk.encoded_text], output_value="token_embeddings")
    tokens = np.asarray(whole)
    text = [piece.text for piece in resident.pieces.pieces(chunk.encoded_text)]
    first, second = text.index("staging") + 1, text.index("production") + 1
    expected = [tokens[first:second].mean(0), tokens[second:-1].mean(0)]
    assert cosines(encoded.passages, np.array(expected)).min() >= 0.99999


def test_a_vector_does_not_depend_on_other_texts(
    resident: ResidentEncoder, chunks: list[EncoderInput]
) -> None:
    together = resident.encode(chunks)
    for chunk, encoded in zip(chunks, together, strict=True):
        (alone,) = resident.encode([chunk])
        np.testing.assert_array_equal(alone.vector, encoded.vector)
        np.testing.assert_array_equal(alone.passages, encoded.passages)
        np.testing.assert_array_equal(alone.tokens, encoded.tokens)


def test_every_vector_has_the_promised_shape_type_and_length(
    resident: ResidentEncoder, chunks: list[EncoderInput]
) -> None:
    for chunk, encoded in zip(chunks, resident.encode(chunks), strict=True):
        tokens = resident.pieces.count(chunk.encoded_text) + 2
        assert encoded.key == chunk.key
        assert encoded.vector.shape == (384,)
        assert encoded.passages.shape == (len(passages(chunk.text)), 384)
        assert encoded.tokens.shape == (tokens, 384)
        assert encoded.scales.shape == (tokens,)
        assert encoded.tokens.dtype == np.int8
        floats = (encoded.vector, encoded.passages, encoded.scales)
        assert {array.dtype for array in floats} == {np.dtype(np.float32)}
        np.testing.assert_allclose(np.linalg.norm(encoded.passages, axis=1), 1, atol=1e-5)
        assert np.linalg.norm(encoded.vector) == pytest.approx(1, abs=1e-5)


def test_threads_may_share_an_encoder(resident: ResidentEncoder) -> None:
    texts = [f"question {n} about port {n * 7}" for n in range(12)]
    alone = [resident.query(text).vector for text in texts]
    with ThreadPoolExecutor(4) as pool:
        concurrent = list(pool.map(lambda text: resident.query(text).vector, texts))
    np.testing.assert_allclose(concurrent, alone, atol=1e-6)


def test_a_query_longer_than_the_window_is_cut(
    resident: ResidentEncoder, reference: SentenceTransformer
) -> None:
    query = resident.query("deploy the staging host " * 200)
    assert query.cut
    assert len(query.pieces) == len(query.tokens) == 254
    theirs = reference.encode([query.text[query.pieces[0].start :]])
    assert cosines(query.vector[None], theirs).min() >= 0.99999
    assert not resident.query("deploy").cut


def test_the_unknown_fraction_of_a_query_is_reported(resident: ResidentEncoder) -> None:
    assert resident.query("which port").unknown == 0.0
    query = resident.query("port 🦩")
    assert [piece.known for piece in query.pieces] == [True, False]
    assert query.unknown == 0.5


@pytest.mark.parametrize("text", ["", " \n\t", "\x00\u200b"])
def test_a_query_without_words_has_a_vector_and_no_pieces(
    resident: ResidentEncoder, text: str
) -> None:
    query = resident.query(text)
    assert query.tokens.shape == (0, 384)
    assert (query.pieces, query.unknown, query.cut) == ((), 0.0, False)
    assert np.isfinite(query.vector).all()


def test_a_huge_query_is_tokenised_only_in_part(resident: ResidentEncoder) -> None:
    query = resident.query("word " * 1_000_000)
    assert query.cut
    assert query.pieces[0].start > 5_000_000 - 2_000
    assert query.pieces[-1].end == 5_000_000 - 1


def test_the_number_of_texts_encoded_at_the_same_time_changes_no_vector(
    exported_encoder: ExportedEncoder, resident: ResidentEncoder, chunks: list[EncoderInput]
) -> None:
    one = ResidentEncoder(exported_encoder.files, exported_encoder.export, threads=1)
    for ours, theirs in zip(one.encode(chunks), resident.encode(chunks), strict=True):
        assert ours.key == theirs.key
        np.testing.assert_array_equal(ours.vector, theirs.vector)
        np.testing.assert_array_equal(ours.tokens, theirs.tokens)
