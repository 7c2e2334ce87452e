"""Locations of files, and writing them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from membrowse import paths

_PRINT_SOCKET = """
import sys
from pathlib import Path
from membrowse import paths
print(paths.own_socket(Path(sys.argv[1])))
"""


def test_one_home_for_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEMBROWSE_HOME", str(tmp_path))
    monkeypatch.delenv("MEMBROWSE_INDEX_DIR", raising=False)
    for path in (
        paths.config_file(),
        paths.state_dir(),
        paths.cache_dir(),
        paths.index_dir(tmp_path / "notes"),
    ):
        assert path.is_relative_to(tmp_path)


def test_a_folder_has_one_index_under_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert paths.index_dir(link) == paths.index_dir(folder)
    assert paths.index_dir(folder) != paths.index_dir(tmp_path)


def test_a_socket_address_is_never_too_long(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MEMBROWSE_HOME", str(tmp_path / ("deep" * 60)))
    address = paths.own_socket(tmp_path)
    assert len(os.fsencode(address)) <= paths.SOCKET_PATH_LIMIT
    monkeypatch.setenv("MEMBROWSE_HOME", str(tmp_path / ("other" * 60)))
    assert paths.own_socket(tmp_path) != address


def test_without_a_runtime_directory_there_is_a_socket_and_no_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("MEMBROWSE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    command = [sys.executable, "-W", "always", "-c", _PRINT_SOCKET, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith(f"{paths.folder_key(tmp_path)}.sock")
    assert done.stderr == ""


def test_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "new" / "file"
    paths.replace_file(file, b"content")
    assert file.read_bytes() == b"content"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert list(file.parent.iterdir()) == [file]


def test_a_failed_write_leaves_the_file_unchanged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    paths.replace_file(file, b"before")

    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        paths.replace_file(file, b"after", sync=True)
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]


def test_created_directories_are_private(tmp_path: Path) -> None:
    directory = paths.private(tmp_path / "index")
    assert directory.stat().st_mode & 0o777 == 0o700
