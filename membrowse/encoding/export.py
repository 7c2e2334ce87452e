"""The encoder in ONNX: made once per set of weights by a child process, kept in the cache."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from membrowse.encoding.child import command, environment
from membrowse.encoding.files import ModelFiles
from membrowse.encoding.hashing import HashMemory, write_private
from membrowse.places import private

EXPORT = "1"
"""Bump when an export of the same weights would differ."""
_SECONDS = 600.0


class ExportFailed(Exception):
    """The model has no ONNX form; the message is the reason."""


def export_path(files: ModelFiles, cache: Path) -> Path:
    """Where the export of these weights is, or would be."""
    return cache / "exports" / f"{files.name}-{files.revision[:16]}-{EXPORT}.onnx"


def exported(files: ModelFiles, cache: Path) -> Path:
    """The ONNX file of these weights below `cache`, made now (some seconds) if it is missing.

    Its graph takes `input_ids`, `attention_mask` and, where the model does, `token_type_ids`, all
    int64 [batch, length], and gives `token_embeddings` [batch, length, d'] and
    `sentence_embedding` [batch, d]. A file that is not the one that was made is made again. Several
    processes may ask at once: one makes it. Raises `ExportFailed`.
    """
    target = export_path(files, cache)
    if _intact(target):
        return target
    with _only_one(target):
        if not _intact(target):
            _make(files, target)
    return target


def _seal(target: Path) -> Path:
    return target.with_suffix(".sha256")


def _intact(target: Path) -> bool:
    """Whether the export is there and has the hash noted when it was made."""
    memory = HashMemory(target.with_suffix(".seen.json"))
    try:
        return _seal(target).read_text(encoding="ascii").strip() == memory.sha256(target)
    except (OSError, UnicodeDecodeError):
        return False


@contextmanager
def _only_one(target: Path) -> Iterator[None]:
    private(target.parent)
    lock = os.open(target.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _make(files: ModelFiles, target: Path) -> None:
    made = target.with_suffix(".part")
    made.unlink(missing_ok=True)
    arguments = command("membrowse.encoding.export_child", files.model, files.revision, str(made))
    try:
        done = subprocess.run(  # noqa: S603 (our own interpreter and module)
            arguments, env=environment(), capture_output=True, timeout=_SECONDS, check=False
        )
        if done.returncode:
            raise ExportFailed(_reason(files, done.stderr))
        made.replace(target)
        seal = HashMemory(target.with_suffix(".seen.json")).sha256(target, full=True)
        write_private(_seal(target), seal.encode("ascii"))
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ExportFailed(f"{files.name} cannot be exported: {error}") from error
    finally:
        made.unlink(missing_ok=True)


def _reason(files: ModelFiles, stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    last = lines[-1] if lines else "the exporting process died without a word"
    return f"{files.name} cannot be exported to ONNX: {last}"
