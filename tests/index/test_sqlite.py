"""SQLite as the stores use it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from membrowse import sqlite

TABLES = "CREATE TABLE IF NOT EXISTS facts (name TEXT);"
LOOK = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT 1 FROM facts')"


def test_another_process_that_looks_does_not_remove_the_wal(tmp_path: Path) -> None:
    """Closing a file that SQLite has open too would release the locks that prevent it."""
    path = tmp_path / "facts.sqlite"
    with closing(sqlite.open_tables(path, TABLES)) as connection:
        connection.execute("INSERT INTO facts VALUES ('before')")
        with sqlite.checked(path), closing(sqlite.connect(path)):
            pass
        subprocess.run([sys.executable, "-c", f"{LOOK}; c.close()", path], check=True)
        assert path.with_name("facts.sqlite-wal").exists()
        connection.execute("INSERT INTO facts VALUES ('after')")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM facts").fetchone() == (2,)


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_a_deleted_file_of_an_open_database_is_damage(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "facts.sqlite"
    with closing(sqlite.open_tables(path, TABLES)) as connection:
        connection.execute("INSERT INTO facts VALUES ('before')")
        path.with_name(path.name + suffix).unlink()
        with pytest.raises(sqlite3.DatabaseError, match="deleted") as caught, sqlite.checked(path):
            pass
        assert sqlite.is_corrupt(caught.value)


def test_a_cut_wal_of_an_open_database_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "facts.sqlite"
    with closing(sqlite.open_tables(path, TABLES)) as connection:
        connection.execute("INSERT INTO facts VALUES (?)", ("before" * 1000,))
        wal = path.with_name("facts.sqlite-wal")
        os.truncate(wal, wal.stat().st_size // 2)
        with pytest.raises(sqlite3.DatabaseError) as caught, sqlite.checked(path):
            pass
        assert sqlite.is_corrupt(caught.value)


def test_an_emptied_file_of_an_open_database_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "facts.sqlite"
    with closing(sqlite.open_tables(path, TABLES)):
        path.write_bytes(b"")
        with pytest.raises(sqlite3.DatabaseError, match="emptied"), sqlite.checked(path):
            pass
