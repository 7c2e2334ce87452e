"""A file is hashed once, and again whenever it may have changed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from membrowse.encoding.file_hashes import HashCache


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"first")
    return path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read to be hashed."""
    found: list[str] = []
    digest = hashlib.file_digest

    def noted(file: object, name: str) -> object:
        found.append(Path(getattr(file, "name", "")).name)
        return digest(file, name)  # type: ignore[arg-type]

    monkeypatch.setattr("membrowse.encoding.file_hashes.hashlib.file_digest", noted)
    return found


def test_a_hash_is_cached_for_the_next_start(
    tmp_path: Path, weights: Path, reads: list[str]
) -> None:
    first = HashCache(tmp_path / "cache" / "hashes.json").sha256(weights)
    second = HashCache(tmp_path / "cache" / "hashes.json").sha256(weights)
    assert first == second == hashlib.sha256(b"first").hexdigest()
    assert reads == ["weights.bin"]


def test_full_always_reads_the_file(tmp_path: Path, weights: Path, reads: list[str]) -> None:
    cache = HashCache(tmp_path / "hashes.json")
    cache.sha256(weights)
    cache.sha256(weights, full=True)
    assert len(reads) == 2


def test_a_file_with_a_restored_mtime_is_hashed_again(tmp_path: Path, weights: Path) -> None:
    cache = HashCache(tmp_path / "hashes.json")
    cache.sha256(weights)
    status = weights.stat()
    other = tmp_path / "other"
    other.write_bytes(b"secnd")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(weights)
    assert cache.sha256(weights) == hashlib.sha256(b"secnd").hexdigest()


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1}', b"\xff"])
def test_a_damaged_cache_is_ignored(tmp_path: Path, weights: Path, content: bytes) -> None:
    file = tmp_path / "hashes.json"
    file.write_bytes(content)
    assert HashCache(file).sha256(weights) == hashlib.sha256(b"first").hexdigest()


def test_hashes_are_correct_without_a_writable_cache(tmp_path: Path, weights: Path) -> None:
    obstacle = tmp_path / "file"
    obstacle.write_bytes(b"")
    cache = HashCache(obstacle / "hashes.json")
    assert cache.sha256(weights) == hashlib.sha256(b"first").hexdigest()


@pytest.mark.parametrize("damage", [b'{"\xff": 1}', b"[" * 100_000, b'{"a": {"stamp": 1}}'])
def test_a_damaged_cache_is_an_empty_one(tmp_path: Path, weights: Path, damage: bytes) -> None:
    (tmp_path / "seen.json").write_bytes(damage)
    digest = HashCache(tmp_path / "seen.json").sha256(weights)
    assert digest == hashlib.sha256(weights.read_bytes()).hexdigest()
