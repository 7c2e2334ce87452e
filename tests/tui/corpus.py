"""A small memory of an agent that looks after a service: the notes that the fake engine serves."""

from __future__ import annotations

from membrowse.notes.chunk import Chunk
from membrowse.wire.engine import EncoderState, EngineState, IndexChange, Pending, Watcher
from membrowse.wire.notes import FileRecord, NoteState
from membrowse.wire.search import RankingState

NOTES: dict[str, tuple[str, str, str]] = {
    "MEMORY.md": (
        "Long-term memory",
        "2026-07-19",
        """# Long-term memory

## Hosts

- production: `app-1`, behind the bastion, deploys on Wednesday mornings
- staging: `stage-1`, ssh listens on port 2202 since the move in March
- the database is PostgreSQL 16 on `db-1`, port 5432

## Staging

Staging is rebuilt every night from the dump of the night before. The ssh port of staging is 2202,
not 22 any more. Ask before you restart anything there during the drill.

## People's preferences

Short answers, no emoji. Times in UTC in reports, local time in messages.
""",
    ),
    "logs/2025-11-08.md": (
        "Daily log",
        "2025-11-08",
        """# Daily log

## Morning

The nightly dump took 41 minutes, twice as long as usual. Vacuum was running at the same time.

## SSH

Staging ssh listens on port 22 behind the bastion. Use `ssh -J bastion stage-1`.
The old jump host is gone.

## Evening

Deployed 4.2.1. The queue was empty within a minute.
""",
    ),
    "decisions/ssh.md": (
        "SSH moved",
        "2026-07-17",
        """# SSH moved

## Decision

The ssh daemon of staging listens on port 2202. Scanners filled the logs on port 22.

## Consequences

Every script that says `-p 22` breaks. `tools/hosts.md` lists which ones were changed.
""",
    ),
    "tools/hosts.md": (
        "Hosts",
        "2026-07-17",
        """# Hosts

| host | port | what |
|---|---|---|
| stage-1 | 2202 | staging, ssh |
| app-1 | 443 | production |
| db-1 | 5432 | PostgreSQL |

## Access

Keys are in the vault under `infra/ssh`. Rotate them with `rotate-keys stage-1`.
""",
    ),
    "runbooks/deploy.md": (
        "Deploy",
        "2026-03-02",
        """# Deploy

## Before

Look at the queue: fewer than 200 jobs, none older than five minutes. Tell the channel.

## Steps

1. tag the release
2. `deploy staging`, wait for the smoke tests
3. `deploy production` on a Wednesday morning

## Rolling back

`deploy production --to PREVIOUS`. Migrations are forward only: never roll back the database.
""",
    ),
    "runbooks/restore.md": (
        "Restore a backup",
        "2026-05-20",
        """# Restore a backup

## Drill

Once a month a dump is restored into staging and three queries are compared. The drill of May took
52 minutes. Use port 5433 for the restored database so that nothing else connects to it.

## For real

Stop the workers first. Then restore, then start them one by one.
""",
    ),
    "incidents/2026-04-11-queue.md": (
        "Queue stood still",
        "2026-04-11",
        """# Queue stood still

## What happened

At 02:14 UTC a worker held a lease for 40 minutes. The fencing token was not checked.

## What was learnt

Leases need a token that grows. The alert on the age of the oldest job came 31 minutes late.
""",
    ),
    "glossary/acronyms.md": (
        "Acronyms",
        "2026-01-15",
        """# Acronyms

- RTO: how long a restore may take
- RPO: how much may be lost
- TTL: how long a record is kept in a cache
""",
    ),
    "notes/部署.md": (
        "部署笔记",
        "2026-06-03",
        """# 部署笔记

## 测试环境

测试服务器的 ssh 端口是 2202,不再是 22。每天晚上用前一天的备份重建。

## 生产环境

每周三上午部署。部署之前先看队列:少于 200 个任务。
""",
    ),
}

OTHER_FILES = [
    FileRecord(
        path="drafts/returns.md",
        state=NoteState.IGNORED,
        reason="rule 2 of .membrowseignore: drafts/",
        size=812,
    ),
    FileRecord(
        path="exports/dump.txt",
        state=NoteState.SKIPPED,
        reason="larger than the limit of 5.0 MB (notes.max_bytes)",
        size=7_400_000,
    ),
    FileRecord(
        path="logs/broken.md",
        state=NoteState.FAILED,
        reason="cannot be read: Permission denied",
        size=91,
    ),
    FileRecord(path=".git/", state=NoteState.IGNORED, reason="a hidden folder"),
]
"""Files that are not indexed."""

STATE = EngineState(
    requested=1,
    started=1,
    folder="/home/me/agents/ops/memory",
    generation=41,
    notes=0,
    chunks=0,
    encoded=0,
    not_indexed=4,
    pending=Pending(),
    watcher=Watcher(kind="inotify", last_check="2026-07-20T10:00:00Z"),
    encoder=EncoderState(state=RankingState.READY, name="all-MiniLM-L6-v2", precision="bfloat16"),
    last_change=IndexChange(at="2026-07-20T10:04:31Z", path="decisions/ssh.md", notes=1, chunks=2),
)
"""An engine at rest."""

HOSTILE = (
    "\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07 \x9b31m \u202egnp.exe\u202c zero\u200bwidth "
    "[/tmp] [bold]not bold[/bold] [@click=app.quit]x[/] {x} $HOME \r\x08\x7f \ud800"
)
"""What a note must be able to hold without any effect on the screen."""


def routine(count: int) -> dict[str, tuple[str, str, str]]:
    """Daily logs, `count` of them, alike as daily logs are."""
    notes = {}
    for number in range(count):
        month, day = 1 + number // 28 % 6, 1 + number % 28
        date = f"2026-{month:02d}-{day:02d}"
        text = (
            f"# Daily log\n\n## Checks\n\nAll {3 + number % 5} workers up, "
            f"{number * 7 % 190} jobs in the queue. Disk of db-1 at {40 + number % 30} %.\n\n"
            f"## Work\n\nReviewed change {1200 + number}. "
            + ("Staging was rebuilt over ssh. " if number % 3 == 0 else "Nothing to report. ")
            + ("Port scan on the bastion. " if number % 7 == 0 else "")
            + "\n"
        )
        notes[f"logs/{date}.md"] = ("Daily log", date, text)
    return notes


def chunks_of(path: str, title: str, date: str, text: str) -> list[Chunk]:
    """One chunk a heading."""
    lines = text.split("\n")
    starts = [at for at, line in enumerate(lines) if line.startswith("## ")]
    starts = starts or [0]
    if starts[0] and any(line and not line.startswith("#") for line in lines[: starts[0]]):
        starts.insert(0, 0)
    found = []
    for position, (first, end) in enumerate(zip(starts, [*starts[1:], len(lines)], strict=True)):
        while end > first + 1 and not lines[end - 1].strip():
            end -= 1
        offset = sum(len(line) + 1 for line in lines[:first])
        body = "\n".join(lines[first:end])
        heading = lines[first][3:] if lines[first].startswith("## ") else ""
        found.append(
            Chunk(
                id=f"{path}#{position}",
                path=path,
                position=position,
                title=title,
                headings=(heading,) if heading else (),
                tags=(),
                date=date,
                header=f"{title} › {heading}, {date}",
                text=body,
                start_line=first + 1,
                end_line=end,
                start_offset=offset,
                end_offset=offset + len(body),
            )
        )
    return found
