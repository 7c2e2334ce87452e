"""Claude Code: transcripts `~/.claude/projects/**/*.jsonl`, tool calls and their results."""

from __future__ import annotations

from collections.abc import Iterator

from membrowse.recall_log.formats.pending_calls import PendingCalls
from membrowse.recall_log.formats.tool_calls import call_of
from membrowse.recall_log.formats.values import Record, first_text, records, table, text
from membrowse.wire.recalls import Recall


class ClaudeCode:
    """Reads transcripts; a call becomes a recall when its result comes."""

    name = "claude-code"

    def __init__(self, agent: str, folders: tuple[str, ...]) -> None:
        self._calls = PendingCalls(self.name, agent or self.name, folders)

    @staticmethod
    def matches(record: Record) -> bool:
        return "sessionId" in record and (
            record.get("type") in ("assistant", "user", "system", "summary") or "uuid" in record
        )

    def recalls(self, record: Record) -> Iterator[Recall]:
        session = first_text(record, "sessionId")
        for part in records(table(record.get("message")).get("content")):
            if part.get("type") == "tool_use":
                event = text(part.get("id"))
                call = call_of(
                    text(part.get("name")),
                    table(part.get("input")),
                    at=record.get("timestamp"),
                    event=event,
                    directory=first_text(record, "cwd", limit=4096) or "/",
                )
                self._calls.made(event, call)
            elif part.get("type") == "tool_result":
                failed = part.get("is_error") is True
                event = text(part.get("tool_use_id"))
                yield from self._calls.done(event, part.get("content"), session, failed=failed)
