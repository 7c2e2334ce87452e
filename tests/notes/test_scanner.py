"""Listing a folder: every file, with the reason why it is not a note."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from membrowse.notes.globs import note_matcher
from membrowse.notes.scanner import FolderUnreadable
from membrowse.settings import NotesSettings
from membrowse.wire.notes import NoteState
from tests.notes.conftest import leave_socket
from tests.notes.folder_scan import scan_folder

IGNORED, SKIPPED, FAILED = NoteState.IGNORED, NoteState.SKIPPED, NoteState.FAILED
NOT_A_NOTE = "not a note: notes are .md, .markdown and .txt files"


def fill(folder: Path, *paths: str) -> None:
    for path in paths:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("text")


def listed(
    folder: Path, settings: NotesSettings | None = None
) -> dict[str, tuple[NoteState | None, str]]:
    found = scan_folder(folder, settings or NotesSettings())
    assert [each.path for each in found] == sorted({each.path for each in found})
    return {each.path: (each.excluded, each.reason) for each in found}


NOTE = (None, "")


def test_notes_are_found_with_size_and_time(tmp_path: Path) -> None:
    fill(tmp_path, "a.md", "b/c.markdown", "b/d/e.txt")
    found = scan_folder(tmp_path, NotesSettings())
    assert [each.path for each in found] == ["a.md", "b/c.markdown", "b/d/e.txt"]
    status = (tmp_path / "a.md").stat()
    assert (found[0].size, found[0].mtime_ns) == (4, status.st_mtime_ns)
    assert found[0].excluded is None


def test_other_files_are_listed_with_the_reason(tmp_path: Path) -> None:
    fill(tmp_path, "a.md", "image.png", ".hidden.md", ".git/config.md", "big.md", "notes.md/x.bin")
    (tmp_path / "big.md").write_text("x" * 11)
    assert listed(tmp_path, NotesSettings(max_bytes=10)) == {
        ".git/": (IGNORED, "hidden folder"),
        ".hidden.md": (IGNORED, "hidden file"),
        "a.md": NOTE,
        "big.md": (SKIPPED, "too large: 11 bytes, notes.max_bytes is 10"),
        "image.png": (IGNORED, NOT_A_NOTE),
        "notes.md/x.bin": (IGNORED, NOT_A_NOTE),
    }


def test_fifos_and_sockets_are_listed_but_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.md")
    os.mkfifo(tmp_path / ".membrowseignore")
    leave_socket(tmp_path, "socket.md")
    assert listed(tmp_path) == {
        ".membrowseignore": (FAILED, "its rules do not apply: it is not a regular file"),
        "fifo.md": (SKIPPED, "not a regular file: FIFO"),
        "socket.md": (SKIPPED, "not a regular file: socket"),
    }


def test_the_reason_names_file_and_line_of_the_rule(tmp_path: Path) -> None:
    fill(tmp_path, "a.md", "drafts/b.md", "sub/drafts/c.md", "sub/tmp-1.md", "sub/keep.md", "x.md")
    (tmp_path / ".membrowseignore").write_text("# not these\n\ndrafts/\n*.md\n!a.md\n!keep.md\n")
    (tmp_path / "sub" / ".membrowseignore").write_text("tmp-*\r\n")
    assert listed(tmp_path) == {
        ".membrowseignore": (IGNORED, "hidden file"),
        "a.md": NOTE,
        "drafts/": (IGNORED, "ignored by line 3 of .membrowseignore: drafts/"),
        "sub/.membrowseignore": (IGNORED, "hidden file"),
        "sub/drafts/": (IGNORED, "ignored by line 3 of .membrowseignore: drafts/"),
        "sub/keep.md": NOTE,
        "sub/tmp-1.md": (IGNORED, "ignored by line 1 of sub/.membrowseignore: tmp-*"),
        "x.md": (IGNORED, "ignored by line 4 of .membrowseignore: *.md"),
    }


def test_an_inner_ignore_file_overrides_an_outer_one(tmp_path: Path) -> None:
    fill(tmp_path, "sub/a.md", "b.md")
    (tmp_path / ".membrowseignore").write_text("*.md\n")
    (tmp_path / "sub" / ".membrowseignore").write_text("!a.md\n")
    found = listed(tmp_path)
    assert found["sub/a.md"] == NOTE
    assert found["b.md"][0] is IGNORED


def test_a_changed_ignore_file_applies_at_once(tmp_path: Path) -> None:
    fill(tmp_path, "a.md")
    for rule, state in (("a.md\n", IGNORED), ("b.md\n", None)):
        (tmp_path / ".membrowseignore").write_text(rule)
        assert listed(tmp_path)["a.md"][0] is state


def test_an_invalid_rule_is_reported_and_the_others_apply(tmp_path: Path) -> None:
    fill(tmp_path, "a.md", "b.md")
    (tmp_path / ".membrowseignore").write_text("a.md\n!\n/\n")
    found = listed(tmp_path)
    assert found["a.md"][0] is IGNORED
    assert found[".membrowseignore"] == (FAILED, "invalid rule in line 2") or (
        found[".membrowseignore"][1].startswith("invalid rule in line")
    )


def test_gitignore_is_honoured_only_when_asked(tmp_path: Path) -> None:
    fill(tmp_path, "memory/a.md", "b.md")
    (tmp_path / ".gitignore").write_text("memory/\nb.md\n")
    (tmp_path / ".membrowseignore").write_text("!b.md\n")
    assert listed(tmp_path)["memory/a.md"] == NOTE
    asked = listed(tmp_path, NotesSettings(honour_gitignore=True))
    assert asked["memory/"] == (IGNORED, "ignored by line 1 of .gitignore: memory/")
    assert asked["b.md"] == NOTE


def test_links_inside_are_followed_and_others_are_listed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    fill(folder, "real/a.md", "sub/b.md")
    fill(outside, "c.md")
    (folder / "link").symlink_to("real")
    (folder / "link.md").symlink_to("sub/b.md")
    (folder / "out").symlink_to(outside)
    (folder / "out.md").symlink_to(outside / "c.md")
    (folder / "broken.md").symlink_to("nowhere.md")
    found = listed(folder)
    assert [path for path, (state, _) in found.items() if state is None] == [
        "real/a.md",
        "sub/b.md",
    ]
    assert found["link.md"] == (SKIPPED, "the same file as sub/b.md")
    assert found["link/a.md"] == (SKIPPED, "the same file as real/a.md")
    assert found["out"] == (SKIPPED, f"a link to outside the folder: {outside}")
    assert found["out.md"] == (SKIPPED, f"a link to outside the folder: {outside}/c.md")
    assert found["broken.md"][0] is SKIPPED
    assert "a broken link" in found["broken.md"][1]
    followed = listed(folder, NotesSettings(follow=(str(outside),)))
    assert followed["out.md"] == NOTE
    assert followed["out/c.md"] == (SKIPPED, "the same file as out.md")


def test_a_file_with_several_names_is_one_note(tmp_path: Path) -> None:
    fill(tmp_path, "z.md", ".hidden/memory/h.md", "c.bin")
    (tmp_path / "a.md").symlink_to("z.md")
    (tmp_path / "y.md").hardlink_to(tmp_path / "z.md")
    (tmp_path / "memory").symlink_to(".hidden/memory")
    (tmp_path / "again").symlink_to(".hidden/memory")
    (tmp_path / "c.md").symlink_to("c.bin")
    found = {each.path: each for each in scan_folder(tmp_path, NotesSettings())}
    notes = [path for path, each in found.items() if each.excluded is None]
    assert notes == ["again/h.md", "c.md", "y.md"]
    assert (found["a.md"].same_as, found["z.md"].same_as) == ("y.md", "y.md")
    assert found["memory"].excluded is SKIPPED
    status = (tmp_path / "z.md").stat()
    assert (found["a.md"].inode, found["a.md"].ctime_ns) == (status.st_ino, status.st_ctime_ns)


PACKAGES = {
    "node_modules/left-pad/README.md": "node_modules",
    "web/node_modules/x.md": "web/node_modules",
    "lib/site-packages/x.txt": "lib/site-packages",
    "src/__pycache__/x.md": "src/__pycache__",
    "env/pyvenv.cfg": "env",
    "conda/conda-meta/history": "conda",
    "cached/CACHEDIR.TAG": "cached",
    "rust/target/doc/x.md": "rust/target",
    "php/vendor/x/README.md": "php/vendor",
}


def test_packages_are_left_out_with_the_reason_and_brought_back_by_a_rule(tmp_path: Path) -> None:
    fill(tmp_path, *PACKAGES, "rust/Cargo.toml", "php/composer.json", "env/lib/x.md")
    fill(tmp_path, "target/aims.md", "vendor/list.md", "build/log.md", "packages/x.md")
    found = listed(tmp_path)
    for folder in PACKAGES.values():
        state, reason = found[f"{folder}/"]
        name = folder.rpartition("/")[2]
        assert state is IGNORED
        assert reason.endswith(f"; the rule !{name}/ in .membrowseignore brings it back")
    notes = [path for path, (state, _) in found.items() if state is None]
    assert notes == ["build/log.md", "packages/x.md", "target/aims.md", "vendor/list.md"]
    (tmp_path / ".membrowseignore").write_text("!node_modules/\n!env/\n!target\n")
    again = listed(tmp_path)
    for path in ("node_modules/left-pad/README.md", "env/lib/x.md", "rust/target/doc/x.md"):
        assert again[path] == NOTE
    assert "lib/site-packages/" in again


def test_the_folder_itself_may_be_one_of_packages(tmp_path: Path) -> None:
    fill(tmp_path, "node_modules/pyvenv.cfg", "node_modules/a.md")
    assert listed(tmp_path / "node_modules")["a.md"] == NOTE


@pytest.mark.parametrize(
    ("rules", "notes"),
    [
        ("!.claude/\n", [".claude/agents/b.md", ".claude/x.md", "a.md"]),
        ("!.claude\n", [".claude/agents/b.md", ".claude/x.md", "a.md"]),
        ("!/.claude/\nagents/\n", [".claude/x.md", "a.md"]),
        ("!.c*/\n", [".claude/agents/b.md", ".claude/x.md", "a.md"]),
        ("!.plan.md\n", [".plan.md", "a.md"]),
        ("*\n!*/\n!*.md\n", ["a.md"]),
        ("!*\n", ["a.md"]),
        ("!.claude/\n.claude/\n", ["a.md"]),
    ],
)
def test_a_rule_that_names_a_hidden_folder_brings_it_in(
    tmp_path: Path, rules: str, notes: list[str]
) -> None:
    fill(tmp_path, "a.md", ".plan.md", ".claude/x.md", ".claude/agents/b.md", ".claude/.git/c.md")
    (tmp_path / ".membrowseignore").write_text(rules)
    found = listed(tmp_path)
    assert [path for path, (state, _) in found.items() if state is None] == notes


def test_a_gitignore_brings_in_no_hidden_folder(tmp_path: Path) -> None:
    fill(tmp_path, ".github/x.md")
    (tmp_path / ".gitignore").write_text("!.github/\n")
    found = listed(tmp_path, NotesSettings(honour_gitignore=True))
    assert found[".github/"] == (IGNORED, "hidden folder")


def test_link_cycles_terminate(tmp_path: Path) -> None:
    fill(tmp_path, "a/b/note.md")
    (tmp_path / "a" / "b" / "up").symlink_to("..")
    (tmp_path / "a" / "self").symlink_to("self")
    for one in range(12):
        (tmp_path / f"d{one}").mkdir()
        for other in range(12):
            (tmp_path / f"d{one}" / f"to{other}").symlink_to(f"../d{other}")
    found = listed(tmp_path)
    assert found["a/b/note.md"] == NOTE
    assert found["a/b/up"] == (SKIPPED, "a link to a folder that contains it: ..")
    assert found["a/self"][0] is SKIPPED
    assert len(found) < 2_000


def test_a_file_name_that_is_not_utf8_is_listed(tmp_path: Path) -> None:
    fill(tmp_path, "a.md")
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.md"))).write_text("text")
    found = listed(tmp_path)
    assert found[os.fsdecode(b"caf\xe9.md")] == (SKIPPED, "the file name is not UTF-8")
    assert found["a.md"] == NOTE


def test_any_other_file_name_is_accepted(tmp_path: Path) -> None:
    names = ["new\nline.md", "\x1b[31mred.md", "[b]bold[/b].md", "空 白.md", "-rf.md", "a'b\"c.md"]
    fill(tmp_path, *names)
    assert set(listed(tmp_path)) == set(names)


def test_an_unreadable_folder_or_file_fails_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "a.md", "closed/b.md", "private.md")
    (tmp_path / "private.md").chmod(0o200)
    listing = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = listed(tmp_path)
    assert found["closed/"] == (FAILED, "the folder cannot be listed: Permission denied")
    assert found["private.md"] == (FAILED, "cannot be read: Permission denied")
    assert found["a.md"] == NOTE


@pytest.mark.parametrize("name", ["gone", "file.md"])
def test_a_missing_folder_is_an_error(tmp_path: Path, name: str) -> None:
    fill(tmp_path, "file.md")
    with pytest.raises(FolderUnreadable, match=name):
        scan_folder(tmp_path / name, NotesSettings())


def test_a_thousand_files_are_listed_quickly(tmp_path: Path) -> None:
    fill(tmp_path, *(f"{number % 20}/{number}.md" for number in range(1_000)))
    times = []
    for _ in range(5):
        began = time.process_time()
        assert len(scan_folder(tmp_path, NotesSettings())) == 1_000
        times.append(time.process_time() - began)
    assert min(times) < 0.1  # 10 ms on an idle machine


def test_no_ignore_file_holds_up_the_listing(tmp_path: Path) -> None:
    fill(tmp_path, "a" * 240, "b.md")
    rules = ["*a" * 25 + "b", "**/*a*a*a*a*a*a*a*a*a*b", "[z-a]*", "a" * 501, "b.md"]
    (tmp_path / ".membrowseignore").write_text("\n".join(rules))
    began = time.process_time()
    found = listed(tmp_path)
    assert time.process_time() - began < 1.0  # a few ms on an idle machine
    assert found["b.md"] == (IGNORED, "ignored by line 5 of .membrowseignore: b.md")
    reasons = "3 (the range z-a is reversed), 4 (longer than 500 characters)"
    assert found[".membrowseignore"] == (FAILED, f"invalid rule in line {reasons}")


def test_an_ignore_file_has_only_so_many_rules(tmp_path: Path) -> None:
    fill(tmp_path, "a.md", "last.md")
    (tmp_path / ".membrowseignore").write_text("a.md\n# none\n" + "x\n" * 1_999 + "last.md\n" * 3)
    found = listed(tmp_path)
    assert found["a.md"][0] is IGNORED
    assert found["last.md"] == NOTE
    reason = "invalid rule in line 2002 and all after it (more than 2,000 rules)"
    assert found[".membrowseignore"] == (FAILED, reason)


def test_a_glob_without_a_slash_matches_no_directory(tmp_path: Path) -> None:
    is_note = note_matcher(("*.md", "!drafts/", "daily/**"))
    assert is_note("a.md")
    assert is_note("daily/x/y.txt")
    assert not is_note("notes.md/x.bin")
    assert not is_note("drafts/a.md")
