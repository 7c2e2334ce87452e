"""Read a sentence-transformers model's configuration from its files without loading it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from tokenizers import Tokenizer

MEAN = "mean"
_TRUSTED_PREFIX = "sentence_transformers."
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")
_DEFAULT_WINDOW = 512
_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_OLD_MODES = {
    "pooling_mode_mean_tokens": MEAN,
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


class ModelRefused(Exception):
    """A model that cannot be used; the message says what is wrong and what to do."""


class _Module(msgspec.Struct, frozen=True):
    type: str
    path: str


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The parts of a model's configuration that its users need."""

    tokenizer: Path
    """Path of its `tokenizer.json`."""
    window: int
    """Word pieces of a chunk, including specials; reduced by the document prompt."""
    max_pieces: int
    """Word pieces that the model reads, including specials and prompt."""
    dimension: int
    pooling: str
    """Such as `mean`, `cls` or `mean+dense`. Only with plain `mean` do means of token vectors share
    a space with the sentence embedding."""
    query_prompt: str = ""
    document_prompt: str = ""


def _json_content(path: Path) -> dict[str, Any]:
    """Return the JSON object in `path`; empty if the file does not exist."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelRefused(f"the encoder's file {path} cannot be read: {error}") from error


def model_config(directory: Path) -> ModelConfig:
    """Read the configuration of the model in `directory`.

    Raises `ModelRefused` if it is not a complete text encoder with a fast tokenizer.
    """
    modules = _modules(directory)
    transformer = modules[0][1]
    _refuse_incomplete(transformer)
    config = _json_content(transformer / "config.json")
    pooling, dimension = _pooling(modules, int(config.get("hidden_size", 0)))
    if not dimension:
        raise ModelRefused(f"the encoder at {directory} does not state the size of its vectors")
    tokenizer = transformer / "tokenizer.json"
    max_pieces = _max_pieces(transformer, config)
    query, document = _prompts(directory)
    window = max_pieces - (_count(tokenizer, document) if document else 0)
    return ModelConfig(tokenizer, window, max_pieces, dimension, pooling, query, document)


def _count(tokenizer: Path, prompt: str) -> int:
    return len(load_tokenizer(tokenizer).encode(prompt, add_special_tokens=False))


def load_tokenizer(file: Path) -> Tokenizer:
    """The fast tokenizer in a `tokenizer.json`. Raises `ModelRefused`."""
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # `tokenizers` raises nothing more specific
        raise ModelRefused(f"the encoder's file {file} cannot be read: {error}") from error


def _modules(directory: Path) -> list[tuple[str, Path]]:
    """Return kind and directory of the model's modules; a plain transformer is mean-pooled."""
    path = directory / "modules.json"
    if not path.exists():
        return [("Transformer", directory)]
    try:
        listed = msgspec.json.decode(path.read_bytes(), type=list[_Module])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelRefused(f"the encoder's file {path} cannot be read: {error}") from error
    foreign = [module.type for module in listed if not module.type.startswith(_TRUSTED_PREFIX)]
    if foreign:
        raise ModelRefused(f"the encoder at {directory} requires custom code: {foreign[0]}")
    modules = [(module.type.rpartition(".")[2], directory / module.path) for module in listed]
    if not modules or modules[0][0] != "Transformer":
        raise ModelRefused(f"the encoder at {directory} does not start with a transformer")
    return modules


def _refuse_incomplete(transformer: Path) -> None:
    for name, why in (("config.json", "its configuration"), ("tokenizer.json", "its tokenizer")):
        if not (transformer / name).is_file():
            raise ModelRefused(f"the encoder at {transformer} lacks {name}, {why}")
    if not any((transformer / name).is_file() for name in _WEIGHTS):
        raise ModelRefused(f"the encoder at {transformer} lacks weights ({', '.join(_WEIGHTS)})")


def _pooling(modules: list[tuple[str, Path]], hidden: int) -> tuple[str, int]:
    """Return how sentence embeddings are made, in one word, and their dimension."""
    steps, dimension = [], hidden
    for kind, path in modules[1:]:
        content = _json_content(path / "config.json")
        if kind == "Pooling":
            steps.append(_pooling_mode(content))
            dimension = hidden * (1 + steps[-1].count("-"))
        elif kind != "Normalize":
            steps.append(kind.lower())
            dimension = int(content.get("out_features", dimension))
    return "+".join(steps) or MEAN, dimension


def _pooling_mode(content: dict[str, Any]) -> str:
    if not content.get("include_prompt", True):
        raise ModelRefused("encoders that leave their prompt out of the pooling are not supported")
    mode = content.get("pooling_mode")
    if mode is None:
        modes = [new for old, new in _OLD_MODES.items() if content.get(old)]
    else:
        modes = [mode] if isinstance(mode, str) else list(mode)
    return "-".join(modes) or MEAN


def _max_pieces(transformer: Path, config: dict[str, Any]) -> int:
    """Return the window: the smallest of the limits that the model's files state."""
    tokenizer = _json_content(transformer / "tokenizer_config.json")
    limits = (
        _json_content(transformer / "sentence_bert_config.json").get("max_seq_length"),
        tokenizer.get("model_max_length"),
        config.get("max_position_embeddings"),
    )
    return min((int(limit) for limit in limits if limit), default=_DEFAULT_WINDOW)


def _prompts(directory: Path) -> tuple[str, str]:
    """Return the model's prompts for a query and for a document."""
    content = _json_content(directory / "config_sentence_transformers.json")
    prompts = content.get("prompts") or {}
    default = prompts.get(content.get("default_prompt_name") or "", "")
    document = next((prompts[name] for name in _DOCUMENT_PROMPTS if prompts.get(name)), default)
    return prompts.get("query") or default, document
