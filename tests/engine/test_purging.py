"""Text that was deleted from a note is kept no longer than the settings say, and can be purged."""

from __future__ import annotations

import contextlib
import re
import zlib
from pathlib import Path

import pytest

from membrowse import paths
from membrowse.client.engine import EngineClient, EngineRefused
from membrowse.wire.engine import PurgeRequest, ReindexRequest
from membrowse.wire.health import StoreCheckRequest
from tests.engine.conftest import ask, at, current, first_paths, save, serving, until

SECRET = "Hunter2Zebra"  # noqa: S105
WITH_SECRET = f"# Access\n\nThe password of staging is {SECRET}.\n"
WITHOUT = "# Access\n\nThe password of staging is in the vault.\n"


def traces(folder: Path) -> set[str]:
    """Files of the index, the log apart, that contain the secret as text or as a term."""
    wanted = SECRET.lower().encode()
    return {
        file.name
        for file in paths.index_dir(folder).rglob("*")
        if file.is_file() and not file.name.startswith("engine.log")
        if wanted in _content(file.read_bytes()).lower()
    }


def _content(data: bytes) -> bytes:
    """The bytes of a file, and what was compressed in them, from wherever that may begin."""
    found = [data]
    for start in re.finditer(rb"\x78\x9c", data):
        with contextlib.suppress(zlib.error):
            found.append(zlib.decompressobj().decompress(data[start.start() :]))
    return b"".join(found)


async def indexed_and_deleted(folder: Path, client: EngineClient) -> None:
    save(folder / "access.md", WITH_SECRET)
    await client.ask(ReindexRequest())
    before = await until(client, lambda state: current(state) and state.notes == 3)
    save(folder / "access.md", WITHOUT)
    await client.ask(ReindexRequest())
    await until(client, at(before.generation))


@pytest.mark.parametrize(
    "request_", [PurgeRequest(text=SECRET.upper()), PurgeRequest(note="access.md"), PurgeRequest()]
)
async def test_purged_text_is_in_no_store(folder: Path, request_: PurgeRequest) -> None:
    async with serving(folder) as client:
        await indexed_and_deleted(folder, client)
        assert traces(folder)
        purged = await client.ask(request_)
        assert purged.entries >= 1
        assert purged.still_in == (("access.md",) if request_.note else ())
        assert traces(folder) == set()
        found = first_paths(await ask(client, "where is the password of staging?"))
        assert set(found.values()) == {"access.md"}
        assert (await client.ask(StoreCheckRequest())).discrepancies == ()
    assert traces(folder) == set()


async def test_only_what_was_asked_for_is_purged(folder: Path) -> None:
    async with serving(folder) as client:
        await indexed_and_deleted(folder, client)
        assert (await client.ask(PurgeRequest(text="no such text"))).entries == 0
        assert (await client.ask(PurgeRequest(before="2020-01-01"))).entries == 0
        assert traces(folder) == {"manifest.sqlite"}
        assert (await client.ask(PurgeRequest(before="2999-01-01"))).entries >= 4
        assert traces(folder) == set()


async def test_text_that_a_note_still_contains_is_named(folder: Path) -> None:
    (folder / "access.md").write_text(WITH_SECRET)
    async with serving(folder) as client:
        await until(client, current)
        assert (await client.ask(PurgeRequest(text=f"staging  IS\n{SECRET}"))).still_in == (
            "access.md",
        )


@pytest.mark.parametrize(
    "wrong", [PurgeRequest(text="a", note="b"), PurgeRequest(before="yesterday")]
)
async def test_a_purge_that_is_not_clear_is_refused(folder: Path, wrong: PurgeRequest) -> None:
    async with serving(folder) as client:
        with pytest.raises(EngineRefused, match="purge takes|not a date"):
            await client.ask(wrong)


async def test_nothing_is_kept_where_the_settings_say_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBROWSE_JOURNAL_KEEP_DAYS", "0")
    async with serving(folder) as client:
        await indexed_and_deleted(folder, client)
    assert all(name.endswith(".seg") for name in traces(folder)), "terms, until segments merge"
