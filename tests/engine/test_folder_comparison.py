"""A folder is compared with the index; what changed last comes first."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from membrowse.engine.indexing.folder_comparison import compare
from membrowse.settings import NotesSettings
from tests.notes.folder_scan import scan_folder


@dataclass(frozen=True)
class Read:
    """A note when it was last read."""

    size: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    inode: int = 0


def test_notes_changed_last_come_first(tmp_path: Path) -> None:
    for day, name in enumerate(("b", "d", "a", "c"), start=1):
        for kind in ("new", "changed"):
            note = tmp_path / f"{kind}-{name}.md"
            note.write_text("text")
            os.utime(note, (day, day))
    known = {f"changed-{name}.md": Read() for name in "abcd"}
    found = compare(scan_folder(tmp_path, NotesSettings()), known, {})
    assert found.new == ("new-c.md", "new-a.md", "new-d.md", "new-b.md")
    assert found.changed == ("changed-c.md", "changed-a.md", "changed-d.md", "changed-b.md")
