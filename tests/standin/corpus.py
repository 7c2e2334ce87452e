"""The folders that stand-ins serve: an agent's small memory, more daily logs, hostile text."""

from __future__ import annotations

from functools import cache
from pathlib import Path

MEMORY = Path(__file__).with_name("memory")
"""The memory of an agent that looks after a service."""

Files = dict[str, str]
"""Text by path."""

HOSTILE = (
    "\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07 \x9b31m \u202egnp.exe\u202c zero\u200bwidth "
    "[/tmp] [bold]not bold[/bold] [@click=app.quit]x[/] {x} $HOME \r\x08\x7f \ud800"
)
"""Text that must be shown without any effect on the screen."""

BROKEN: Files = {"logs/.membrowseignore": "# what follows is no rule\n!\n"}
"""A file that cannot be used."""

PINS: Files = {
    "golden.jsonl": """\
{"id": "ssh-port", "query": "which port does staging ssh use?", "path": "decisions/ssh.md", \
"text": "listens on port 2202"}
{"id": "rebuild", "query": "which port does staging ssh use?", "path": "logs/2026-01-01.md"}
{"id": "drill", "query": "which port does staging ssh use?", "path": "runbooks/restore.md", \
"k": 7}
{"id": "jump-host", "query": "is there a jump host?", "path": "logs/2025-11-08.md", \
"text": "The jump host is still there."}
{"id": 5}
"""
}
"""Four pins, of which two fail, and a line that cannot be used."""


@cache
def _memory() -> Files:
    files = (path for path in MEMORY.rglob("*") if path.is_file())
    return {str(path.relative_to(MEMORY)): path.read_text("utf-8") for path in files}


def corpus(logs: int = 40) -> Files:
    """The memory with `logs` daily logs: 49 notes in 100 chunks, and 3 files that are left out."""
    others = {".git/HEAD": "ref: refs/heads/main\n", "exports/dump.txt": "0" * 5_000_001}
    return {**_memory(), **others, **daily_logs(logs)}


def daily_logs(count: int) -> Files:
    """Daily logs, alike as daily logs are."""
    logs = {}
    for number in range(count):
        month, day = 1 + number // 28 % 6, 1 + number % 28
        logs[f"logs/2026-{month:02d}-{day:02d}.md"] = (
            f"# Daily log\n\n## Checks\n\nAll {3 + number % 5} workers up, "
            f"{number * 7 % 190} jobs in the queue. Disk of db-1 at {40 + number % 30} %.\n\n"
            f"## Work\n\nReviewed change {1200 + number}. "
            + ("Staging was rebuilt over ssh. " if number % 3 == 0 else "Nothing to report. ")
            + ("Port scan on the bastion. " if number % 7 == 0 else "")
            + "\n"
        )
    return logs
