"""Locations of files, and writing them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from membrowse import paths

NOBODY = 65534
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


def test_a_directory_of_mine_is_closed_to_others(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    directory.mkdir()
    directory.chmod(0o777)
    paths.private(directory)
    assert directory.stat().st_mode & 0o777 == 0o755
    link = tmp_path / "link"
    link.symlink_to(directory)
    assert paths.private(link) == link


def test_a_directory_of_somebody_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.raises(paths.Untrusted, match=f"{tmp_path}: it belongs to user {me}"):
        paths.private(tmp_path)
    with pytest.raises(paths.Untrusted):
        paths.replace_file(tmp_path / "file", b"content")
    assert list(tmp_path.iterdir()) == []


def test_a_link_made_by_somebody_else_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a link away")
    mine, link = tmp_path / "mine", tmp_path / "link"
    mine.mkdir()
    link.symlink_to(mine)
    os.lchown(link, NOBODY, NOBODY)
    with pytest.raises(paths.Untrusted, match=f"a link made by user {NOBODY}"):
        paths.private(link)


def test_a_file_is_never_opened_or_written_through_a_link(tmp_path: Path) -> None:
    victim, root = tmp_path / "victim", tmp_path / "root"
    victim.mkdir()
    root.mkdir()
    (victim / "file").write_bytes(b"precious")
    (root / "file").symlink_to(victim / "file")
    (root / "inner").symlink_to(victim)
    for file in (root / "file", root / "inner" / "file"):
        for flags in (os.O_RDONLY, os.O_WRONLY | os.O_APPEND, os.O_RDWR | os.O_CREAT):
            with pytest.raises(paths.Untrusted, match="is a link"):
                paths.open_file(file, flags, root=root)
    with pytest.raises(paths.Untrusted, match="inner is a link"):
        paths.replace_file(root / "inner" / "file", b"mine", root=root)
    paths.replace_file(root / "file", b"mine", root=root)
    assert (root / "file").read_bytes() == b"mine"
    assert not (root / "file").is_symlink()
    assert (victim / "file").read_bytes() == b"precious"
    paths.replace_file(root / "new" / "deep" / "file", b"mine", root=root)
    assert (root / "new" / "deep" / "file").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["lock", "keyword/seg.toc"])
def test_a_link_in_an_index_is_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "keyword").mkdir()
    assert paths.without_links(tmp_path) == tmp_path
    (tmp_path / name).symlink_to(tmp_path.parent)
    with pytest.raises(paths.Untrusted, match=name):
        paths.without_links(tmp_path)
