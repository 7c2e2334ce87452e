"""Paths of a tree and places on the disk: one object maps them, and nothing leaves a root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membrowse import paths
from membrowse.roots import OutsideRoots, Root, Roots, collection_folder, collection_of, differing

FOLDER = Path("/data/collections/ops")
ROOTS = {"workspace": "/home/ada/agent", "team": "/srv/team", "style.md": "/srv/style.md"}
TREE = Roots(FOLDER, [Root(Path(path), name) for name, path in ROOTS.items()])

segments = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1).filter(
    lambda text: text not in (".", "..")
)
below = st.lists(segments, min_size=1, max_size=4).map("/".join)


@given(st.sampled_from(["workspace", "team"]), below)
def test_a_note_of_a_collection_is_found_from_both_sides(name: str, path: str) -> None:
    place = TREE.resolve(f"{name}/{path}")
    assert place == Path(ROOTS[name], path)
    assert TREE.path_of(place) == f"{name}/{path}"
    assert TREE.root_of(f"{name}/{path}").name == name


@given(below)
def test_a_folder_is_the_trivial_case(path: str) -> None:
    tree = Roots.of_folder(Path("/srv/team"))
    assert tree.resolve(path) == Path("/srv/team", path)
    assert tree.path_of(Path("/srv/team", path)) == path
    assert not tree.is_collection


@given(st.one_of(st.text(), st.lists(st.one_of(segments, st.just(".."))).map("/".join)))
def test_whatever_a_path_says_it_stays_below_its_root(path: str) -> None:
    for tree in (TREE, Roots.of_folder(Path("/srv/team"))):
        try:
            place = tree.resolve(path)
        except OutsideRoots:
            continue
        top = tree.root_of(path).path
        assert Path(os.path.normpath(place)).is_relative_to(top)


@pytest.mark.parametrize(
    "path", ["", "nowhere/a.md", "team/../../etc/passwd", "/etc/passwd", "..", "teams/a.md"]
)
def test_a_path_without_a_root_is_refused(path: str) -> None:
    with pytest.raises(OutsideRoots):
        TREE.resolve(path)


def test_a_root_can_be_a_single_note() -> None:
    assert TREE.resolve("style.md") == Path("/srv/style.md")
    assert TREE.path_of(Path("/srv/style.md")) == "style.md"
    assert TREE.path_of(Path("/srv/other.md")) is None


def test_a_root_that_is_a_link_is_known_by_both_names(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    tree = Roots(FOLDER, [Root(tmp_path / "link", "notes")])
    assert tree.path_of(tmp_path / "link" / "a.md") == "notes/a.md"
    assert tree.path_of(tmp_path / "real" / "a.md") == "notes/a.md"


def test_a_collections_directory_is_told_from_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBROWSE_HOME", str(tmp_path))
    assert collection_of(collection_folder("ops")) == "ops"
    assert collection_of(tmp_path) == ""
    assert collection_of(paths.collections_dir() / "ops" / "deeper") == ""


def test_changed_roots_are_listed() -> None:
    served = {"workspace": "/home/ada/agent", "team": "/mnt/team", "old": "/old"}
    changes = differing(served, TREE)
    assert changes == "old was removed, style.md was added, team is now /srv/team"
    assert differing(ROOTS, TREE) == ""
