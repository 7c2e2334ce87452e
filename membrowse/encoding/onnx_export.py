"""The encoder in ONNX form, made once per set of weights by a child process and cached."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import msgspec

from membrowse import interpreter
from membrowse.encoding.child_process import torch_variables
from membrowse.encoding.file_hashes import HashCache, file_sha256
from membrowse.encoding.model_files import ModelFiles
from membrowse.paths import open_file, private, replace_file

EXPORT = "1"
"""Version of the export: raise it when the same weights would be exported differently."""
MODEL, WEIGHTS, HASHES = "model.onnx", "model.weights", "seal.json"
_TIMEOUT_SECONDS = 600.0
_UNUSED_SECONDS = 90 * 86_400.0
"""An export that was not used for longer is deleted when another one is made."""


class ExportFailed(Exception):
    """The model has no ONNX form; the message is the reason."""


def export_path(files: ModelFiles, cache: Path) -> Path:
    """Return the path of the export of these weights, in its own directory.

    ONNX Runtime optimises the graph, so each version of it has a separate export.
    """
    runtime = version("onnxruntime")
    name = f"{files.name}-{files.revision[:16]}-{EXPORT}-{runtime}"
    return cache / "exports" / name / MODEL


def ensure_export(files: ModelFiles, cache: Path) -> Path:
    """Return the ONNX file of these weights below `cache`, exporting it (some seconds) if missing.

    Its graph takes `input_ids`, `attention_mask` and, for some models, `token_type_ids`, all int64
    [batch, length], and returns `token_embeddings` [batch, length, d'] and `sentence_embedding`
    [batch, d]. The weights are in a separate file, which is memory-mapped. Files that were changed
    are exported again. If several processes ask at once, one exports. Raises `ExportFailed`.
    """
    target = export_path(files, cache)
    if not _export_intact(target.parent):
        with _export_lock(target.parent):
            if not _export_intact(target.parent):
                _export(files, target.parent)
                _delete_unused(target.parent)
    with contextlib.suppress(OSError):  # the cache may be read-only
        os.utime(target.parent)
    return target


def _delete_unused(current: Path) -> None:
    """Delete exports of earlier models and versions, and what a dead process left of one."""
    for directory in current.parent.iterdir():
        if directory != current and directory.is_dir() and not directory.is_symlink():
            if time.time() - directory.stat().st_mtime > _UNUSED_SECONDS:
                shutil.rmtree(directory, ignore_errors=True)


def _export_intact(directory: Path) -> bool:
    """Whether the export's files exist and have the hashes recorded when they were made."""
    cache = HashCache(directory / "seen.json")
    try:
        hashes = msgspec.json.decode((directory / HASHES).read_bytes(), type=dict[str, str])
        return all(cache.sha256(directory / name) == digest for name, digest in hashes.items())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


@contextmanager
def _export_lock(directory: Path) -> Iterator[None]:
    private(directory.parent)
    lock = open_file(directory.with_name(f"{directory.name}.lock"), os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _export(files: ModelFiles, directory: Path) -> None:
    """Export into a temporary directory, and rename it when it is complete."""
    partial = Path(f"{directory}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    try:
        _run_export(files, partial / MODEL)
        hashes = {name: file_sha256(partial / name) for name in (MODEL, WEIGHTS)}
        replace_file(partial / HASHES, msgspec.json.encode(hashes))
        shutil.rmtree(directory, ignore_errors=True)
        partial.replace(directory)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ExportFailed(f"{files.name} cannot be exported: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _export_intact(directory)  # caches the hashes for the next start


def _run_export(files: ModelFiles, target: Path) -> None:
    """Let a child process write `target`; raises `ExportFailed` with its reason."""
    with _parent_pipe() as stdin:
        done = interpreter.run(
            "membrowse.encoding.onnx_export_child",
            files.model,
            files.revision,
            str(target),
            stdin=stdin,
            extra=torch_variables(),
            timeout=_TIMEOUT_SECONDS,
        )
    if done.returncode:
        raise ExportFailed(_failure_reason(files, done.stderr))


@contextmanager
def _parent_pipe() -> Iterator[int]:
    """Provide a stdin that closes when this process ends, however it ends."""
    child_end, our_end = os.pipe()
    try:
        yield child_end
    finally:
        os.close(child_end)
        os.close(our_end)


def _failure_reason(files: ModelFiles, stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    last = lines[-1] if lines else "the export process died without a message"
    return f"{files.name} cannot be exported to ONNX: {last}"
