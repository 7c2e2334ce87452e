"""The encoder in ONNX: made once per set of weights by a child process, kept in the cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import msgspec

from membrowse.encoding.child_process import command, environment
from membrowse.encoding.file_hashes import HashMemory
from membrowse.encoding.model_files import ModelFiles
from membrowse.paths import private, replace_file

EXPORT = "1"
"""Bump when an export of the same weights would differ."""
MODEL, WEIGHTS, SEAL = "model.onnx", "model.weights", "seal.json"
_SECONDS = 600.0


class ExportFailed(Exception):
    """The model has no ONNX form; the message is the reason."""


def export_path(files: ModelFiles, cache: Path) -> Path:
    """Where the export of these weights is, or would be: a directory of its own.

    Its graph is optimised by the ONNX Runtime at hand, so another version makes another.
    """
    runtime = version("onnxruntime")
    name = f"{files.name}-{files.revision[:16]}-{EXPORT}-{runtime}"
    return cache / "exports" / name / MODEL


def exported(files: ModelFiles, cache: Path) -> Path:
    """The ONNX file of these weights below `cache`, made now (some seconds) if it is missing.

    Its graph takes `input_ids`, `attention_mask` and, where the model does, `token_type_ids`, all
    int64 [batch, length], and gives `token_embeddings` [batch, length, d'] and
    `sentence_embedding` [batch, d]. The weights lie beside it, to be mapped rather than read. Files
    that are not those that were made are made again. Several processes may ask at once: one makes
    them. Raises `ExportFailed`.
    """
    target = export_path(files, cache)
    if _intact(target.parent):
        return target
    with _only_one(target.parent):
        if not _intact(target.parent):
            _make(files, target.parent)
    return target


def _intact(directory: Path) -> bool:
    """Whether the export's files are there and have the hashes noted when they were made."""
    memory = HashMemory(directory / "seen.json")
    try:
        sealed = msgspec.json.decode((directory / SEAL).read_bytes(), type=dict[str, str])
        return all(memory.sha256(directory / name) == found for name, found in sealed.items())
    except (OSError, msgspec.DecodeError):
        return False


@contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    private(directory.parent)
    name = f"{directory}.lock"
    lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _make(files: ModelFiles, directory: Path) -> None:
    """Export into a directory beside, and put it in its place when it is whole."""
    part = Path(f"{directory}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    try:
        _run(files, part / MODEL)
        sealed = {name: _sha256(part / name) for name in (MODEL, WEIGHTS)}
        replace_file(part / SEAL, msgspec.json.encode(sealed))
        shutil.rmtree(directory, ignore_errors=True)
        part.replace(directory)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ExportFailed(f"{files.name} cannot be exported: {error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    _intact(directory)  # so that the next start finds the hashes remembered


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run(files: ModelFiles, target: Path) -> None:
    """Let the child write `target`; raises `ExportFailed` with its reason."""
    arguments = command(
        "membrowse.encoding.onnx_export_child", files.model, files.revision, str(target)
    )
    with _lifeline() as stdin:
        done = subprocess.run(  # noqa: S603 (our own interpreter and module)
            arguments,
            env=environment(),
            stdin=stdin,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    if done.returncode:
        raise ExportFailed(_reason(files, done.stderr))


@contextmanager
def _lifeline() -> Iterator[int]:
    """A standard input that ends when this process does, however it ends."""
    child_end, our_end = os.pipe()
    try:
        yield child_end
    finally:
        os.close(child_end)
        os.close(our_end)


def _reason(files: ModelFiles, stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    last = lines[-1] if lines else "the exporting process died without a word"
    return f"{files.name} cannot be exported to ONNX: {last}"
