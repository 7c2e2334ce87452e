"""Reading a file: whole, decoded, or rejected with a reason."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from membrowse.notes import reader
from membrowse.notes.not_indexable import NotIndexable
from membrowse.notes.reader import FileContent, read_file
from membrowse.roots import Roots
from membrowse.settings import NotesSettings
from membrowse.wire.notes import NoteState
from tests.notes.conftest import leave_socket

DEFAULTS = NotesSettings()


def read_bytes(folder: Path, content: bytes) -> FileContent:
    (folder / "note.md").write_bytes(content)
    return read_file(Roots.of_folder(folder), "note.md", DEFAULTS)


def test_a_note_is_read_unchanged(tmp_path: Path) -> None:
    content = "# Über\r\nline\r\n".encode()
    source = read_bytes(tmp_path, content)
    assert source.text == "# Über\r\nline\r\n"
    assert source.size == len(content)
    assert source.sha256 == hashlib.sha256(content).hexdigest()
    assert source.mtime_ns == (tmp_path / "note.md").stat().st_mtime_ns
    assert (source.encoding, source.warnings) == ("utf-8", ())


@pytest.mark.parametrize(
    ("content", "text", "encoding", "warning"),
    [
        (b"", "", "utf-8", ""),
        (b"\xef\xbb\xbf# T", "# T", "utf-8", "byte-order mark"),
        ("été".encode("utf-16"), "été", "utf-16", "UTF-16"),
        (b"\xfe\xff" + "été".encode("utf-16-be"), "été", "utf-16", "UTF-16"),
        ("été".encode("utf-32"), "été", "utf-32", "UTF-32"),
        ("été".encode("latin-1"), "été", "cp1252", "read as cp1252, which is a guess"),
    ],
)
def test_other_encodings_are_decoded_with_a_warning(
    tmp_path: Path, content: bytes, text: str, encoding: str, warning: str
) -> None:
    source = read_bytes(tmp_path, content)
    assert (source.text, source.encoding) == (text, encoding)
    assert [warning in each for each in source.warnings] == ([True] if warning else [])


@pytest.mark.parametrize("content", [b"a\0b", "a\0b".encode("utf-16"), b"\xff\xfea"])
def test_binary_files_are_skipped(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(NotIndexable) as refusal:
        read_bytes(tmp_path, content)
    assert refusal.value.state is NoteState.SKIPPED


def test_a_large_file_is_skipped_and_the_limit_is_a_setting(tmp_path: Path) -> None:
    (tmp_path / "note.md").write_bytes(b"x" * 101)
    with pytest.raises(NotIndexable, match=r"too large: 101 bytes, notes.max_bytes is 100"):
        read_file(Roots.of_folder(tmp_path), "note.md", NotesSettings(max_bytes=100))
    assert read_file(Roots.of_folder(tmp_path), "note.md", NotesSettings(max_bytes=101)).size == 101


def test_special_files_are_skipped_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.md")
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "device.md").symlink_to("/dev/tty")
    leave_socket(tmp_path, "socket.md")
    for name, kind in (("fifo", "FIFO"), ("folder", "special"), ("socket", "socket")):
        with pytest.raises(NotIndexable, match=f"not a regular file: {kind}") as refusal:
            read_file(Roots.of_folder(tmp_path), f"{name}.md", DEFAULTS)
        assert refusal.value.state is NoteState.SKIPPED
    with pytest.raises(NotIndexable, match="outside"):
        read_file(Roots.of_folder(tmp_path), "device.md", DEFAULTS)


def test_links_are_followed_only_to_allowed_folders(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "secret.md").write_text("secret")
    (folder / "real.md").write_text("real")
    (folder / "inside.md").symlink_to("real.md")
    (folder / "leads-out.md").symlink_to(outside / "secret.md")
    (folder / "out").symlink_to(outside)
    assert read_file(Roots.of_folder(folder), "inside.md", DEFAULTS).text == "real"
    for path in (
        "leads-out.md",
        "out/secret.md",
        "../outside/secret.md",
        str(outside / "secret.md"),
    ):
        with pytest.raises(NotIndexable, match="outside"):
            read_file(Roots.of_folder(folder), path, DEFAULTS)
    follow = NotesSettings(follow=(str(outside),))
    assert read_file(Roots.of_folder(folder), "out/secret.md", follow).text == "secret"


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "file.md").write_text("")
    (tmp_path / "broken.md").symlink_to("nowhere.md")
    for path in ("gone.md", "gone/note.md", "file.md/note.md", "broken.md"):
        with pytest.raises(FileNotFoundError):
            read_file(Roots.of_folder(tmp_path), path, DEFAULTS)


def test_an_unreadable_file_fails_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "note.md").write_text("text")

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(NotIndexable, match="cannot be read: Permission denied") as refusal:
        read_file(Roots.of_folder(tmp_path), "note.md", DEFAULTS)
    assert refusal.value.state is NoteState.FAILED


def interrupt_reading(
    monkeypatch: pytest.MonkeyPatch, times: int, between: Callable[[], object]
) -> None:
    """Call `between` in the middle of the first `times` reads."""
    read_all = reader._read_bytes
    left = times

    def interrupted(descriptor: int, limit: int) -> bytes:
        nonlocal left
        if left == 0:
            return read_all(descriptor, limit)
        left -= 1
        half = os.read(descriptor, 2)
        between()
        return half + read_all(descriptor, limit)

    monkeypatch.setattr(reader, "_read_bytes", interrupted)


def test_a_file_that_changes_during_a_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "note.md"
    path.write_text("aaaaaaaa")
    interrupt_reading(monkeypatch, 2, lambda: path.write_text("bbbbbbbbbb"))
    assert read_file(Roots.of_folder(tmp_path), "note.md", DEFAULTS).text == "bbbbbbbbbb"


def test_a_file_replaced_during_a_read_is_never_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "note.md"
    path.write_text("aaaaaaaa")

    def replace() -> None:
        (tmp_path / "new").write_text("bbbbbbbb")
        (tmp_path / "new").replace(path)

    interrupt_reading(monkeypatch, 1, replace)
    assert read_file(Roots.of_folder(tmp_path), "note.md", DEFAULTS).text in (
        "aaaaaaaa",
        "bbbbbbbb",
    )


def test_a_file_that_keeps_changing_fails_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "note.md"
    path.write_text("x")

    def grow() -> None:
        with path.open("a") as stream:
            stream.write("xxx")

    interrupt_reading(monkeypatch, 100, grow)
    with pytest.raises(NotIndexable, match="kept changing") as refusal:
        read_file(Roots.of_folder(tmp_path), "note.md", DEFAULTS)
    assert refusal.value.state is NoteState.FAILED


def test_concurrent_readers_see_whole_saves_only(tmp_path: Path) -> None:
    path = tmp_path / "note.md"
    path.write_text("a" * 50_000)
    done = threading.Event()

    def save() -> None:
        letter = 0
        while not done.is_set():
            letter = (letter + 1) % 26
            (tmp_path / "new").write_text(chr(97 + letter) * 50_000)
            (tmp_path / "new").replace(path)

    writer = threading.Thread(target=save)
    writer.start()
    try:
        for _ in range(200):
            text = read_file(Roots.of_folder(tmp_path), "note.md", DEFAULTS).text
            assert (len(text), len(set(text))) == (50_000, 1)
    finally:
        done.set()
        writer.join()
