"""Which folder a command takes when none is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from membrowse import paths
from membrowse.cli import folders
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.client.remembered import Remembered


def test_a_named_folder_is_taken_without_a_word(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert folders.chosen(Path("notes")) == folder
    assert capsys.readouterr().err == ""


def test_the_current_folder_is_taken_if_it_has_an_index(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths.private(paths.index_dir(folder))
    inside = folder / "logs"
    inside.mkdir()
    for current in (folder, inside):
        monkeypatch.chdir(current)
        assert folders.chosen(None) == folder
        assert str(folder) in capsys.readouterr().err


def test_else_the_folder_that_was_opened_last(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Remembered().folder(folder)
    assert folders.chosen(None) == folder
    assert str(folder) in capsys.readouterr().err


def test_without_any_folder_the_person_is_asked_for_one(tmp_path: Path) -> None:
    Remembered().folder(tmp_path / "gone")
    with pytest.raises(Stop, match="which folder") as stopped:
        folders.chosen(None)
    assert stopped.value.exit is Exit.USAGE


@pytest.mark.parametrize("name", ["none", "file", "~nobody-of-this-name/x", "a\0b"])
def test_what_is_no_folder_is_a_usage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Stop) as stopped:
        folders.chosen(Path(name))
    assert stopped.value.exit is Exit.USAGE
