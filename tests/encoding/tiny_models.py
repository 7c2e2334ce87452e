"""Small models built by the tests, and models loaded by sentence-transformers."""

from __future__ import annotations

import string
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

WORDS = ("port", "ssh", "deploy", "staging", "note", "the", "of", "which", "is", "?", ".")
WINDOW = 32


def sentence_transformer(directory: Path) -> SentenceTransformer:
    """A local model, loaded by sentence-transformers alone."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    return SentenceTransformer(str(directory), device="cpu", local_files_only=True)


def _save_bert(directory: Path, **config: int) -> Path:
    """A BERT with random weights and a vocabulary of letters and a few words."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(7)
    letters = list(string.ascii_lowercase + string.digits)
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = [*specials, *WORDS, *letters, *(f"##{letter}" for letter in letters)]
    directory.mkdir(parents=True)
    (directory / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    shape = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        **config,
    )
    BertModel(shape).save_pretrained(directory)
    BertTokenizerFast(vocab=str(directory / "vocab.txt")).save_pretrained(directory)
    return directory


def save_tiny_encoder(directory: Path) -> Path:
    """An encoder of 8 dimensions: [CLS] pooling, a dense layer, prompts, a window of 32."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import (
        Dense,
        Normalize,
        Pooling,
        Transformer,
    )

    transformer = Transformer(str(_save_bert(directory.with_name("bert"))), max_seq_length=WINDOW)
    modules = [transformer, Pooling(16, pooling_mode="cls"), Dense(16, 8), Normalize()]
    prompts = {"query": "which : ", "document": "note : "}
    SentenceTransformer(modules=modules, prompts=prompts, device="cpu").save(str(directory))
    return directory


def save_tiny_cross_encoder(directory: Path, labels: int = 1) -> Path:
    """A CrossEncoder with random weights and `labels` scores per pair."""
    from sentence_transformers import CrossEncoder

    bert = _save_bert(directory.with_name(f"{directory.name}-bert"))
    model = CrossEncoder(str(bert), num_labels=labels, device="cpu", local_files_only=True)
    model.save_pretrained(str(directory))
    return directory
