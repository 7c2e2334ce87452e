"""No byte leaves the machine: no process of ours ever has an internet socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil

from tests.engine.conftest import ask, current, serving, until


def internet_sockets(pid: int) -> list[str]:
    """What the engine and its children have open beyond Unix sockets."""
    found = []
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        for process in processes:
            found += [f"{process.name()}: {one}" for one in process.net_connections(kind="inet")]
    except psutil.NoSuchProcess:
        pass
    return found


async def test_indexing_and_searching_open_no_internet_socket(folder: Path) -> None:
    sections = "".join(
        f"## Part {n}\n\nText of part {n}, about matter {n}.\n\n" for n in range(120)
    )
    (folder / "long.md").write_text(f"# Long\n\n{sections}")  # enough for the bulk encoder
    found: list[str] = []
    children: set[str] = set()
    async with serving(folder) as client:
        pid = (await client.hello()).engine.pid

        async def watch() -> None:
            while True:
                found.extend(internet_sockets(pid))
                for child in psutil.Process(pid).children(recursive=True):
                    children.add(" ".join(child.cmdline()))
                await asyncio.sleep(0.05)

        watching = asyncio.create_task(watch())
        await until(client, lambda state: current(state) and state.chunks > 100)
        await ask(client, "which port?")
        watching.cancel()
    assert any("bulk_child" in child for child in children)
    assert found == []
