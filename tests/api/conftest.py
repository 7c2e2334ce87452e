"""A folder of notes with a running engine, shared by the tests of a module."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from membrowse import Memory
from membrowse.client import discovery
from tests.conftest import ExportedEncoder

NOTES = {
    "runbooks/deploy.md": "---\ntags: [ops]\ndate: 2026-02-10\n---\n# Deploy\n\n"
    "## Roll back\n\nTo roll back a deploy: `shipit --undo`.\n",
    "logs/2026-03-08.md": "# 2026-03-08\n\nStaging ssh listens on port 2222 behind the bastion.\n",
    "MEMORY.md": "# Memory\n\nThe owner prefers short answers. Refunds are approved by Nadia.\n",
}


@pytest.fixture(scope="module")
def notes(
    tmp_path_factory: pytest.TempPathFactory, exported_encoder: ExportedEncoder
) -> Iterator[Path]:
    """The folder, indexed; its engine runs in a home of its own, and ends with the module."""
    base = tmp_path_factory.mktemp("m")
    home, folder = base / "home", base / "notes"
    home.mkdir(mode=0o700)
    (home / "cache").symlink_to(exported_encoder.home / "cache")
    for name, text in NOTES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("MEMBROWSE_")]:
            environment.delenv(name)
        environment.setenv("MEMBROWSE_HOME", str(home))
        environment.setenv("MEMBROWSE_ENGINE_SETTLE_MS", "50")
        with Memory(folder) as memory:
            memory.wait_until_current()
        yield folder
        asyncio.run(discovery.stop(folder))
