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
from tests.damage import damage

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


def facts(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM facts")]


def test_a_damaged_database_starts_over_before_and_while_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "facts.sqlite"
    path.write_bytes(b"no database" * 1000)
    errors: list[sqlite3.DatabaseError] = []

    def discard(error: sqlite3.DatabaseError) -> None:
        errors.append(error)
        sqlite.delete_database(path)

    database = sqlite.MendingDatabase(lambda: sqlite.open_tables(path, TABLES), discard)
    assert len(errors) == 1 and database.run(facts) == []
    database.run(lambda each: each.execute("INSERT INTO facts VALUES ('one')"))
    assert database.run(facts) == ["one"]
    damage(database, path)
    assert database.run(facts) == []
    assert len(errors) == 2
    database.run(lambda each: each.execute("PRAGMA query_only=1"))
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database.run(lambda each: each.execute("INSERT INTO facts VALUES ('two')"))
    database.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        database.run(facts)
    assert len(errors) == 2


def test_a_database_that_cannot_be_replaced_is_another(tmp_path: Path) -> None:
    path = tmp_path / "facts.sqlite"
    path.write_bytes(b"no database" * 1000)
    problems: list[str] = []

    def opened() -> sqlite3.Connection:
        return sqlite.open_tables(path, TABLES)

    def discard(error: sqlite3.DatabaseError) -> None:
        raise PermissionError("read-only")

    def otherwise(error: Exception) -> sqlite3.Connection:
        problems.append(str(error))
        return sqlite.in_memory(TABLES)

    database = sqlite.MendingDatabase(opened, discard, otherwise)
    database.run(lambda each: each.execute("INSERT INTO facts VALUES ('one')"))
    assert database.run(facts) == ["one"]
    assert problems == ["read-only"]
    database.close()
    with pytest.raises(PermissionError):
        sqlite.MendingDatabase(opened, discard)
