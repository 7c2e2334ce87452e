"""A child process that is asked one thing at a time, and started when it is first needed."""

from __future__ import annotations

import threading

from membrowse.encoding import child_protocol
from membrowse.encoding.child_process import Child


class ChildDied(Exception):
    """The child ended before it answered; the message holds the tail of its stderr."""


class ChildRefused(Exception):
    """The child cannot do what it was asked; the message is its reason."""


class ChildClient:
    """Sends a request and waits for its reply; one thread at a time, the others wait their turn.

    A child that died is started again by the next request.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._command = (module, *arguments)
        self._child: Child | None = None
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process, where one runs."""
        return self._child.pid if self._child is not None else None

    def ask(self, request: child_protocol.Message) -> child_protocol.Message:
        """The child's reply. Raises `ChildRefused` and `ChildDied`."""
        with self._lock:
            child = self._started()
            try:
                child.send(request)
                reply = child.receive()
            except OSError:
                reply = None
            return self._believed(child, reply)

    def close(self) -> None:
        """End the process, if there is one; a later request would start another."""
        with self._lock:
            self._end()

    def _started(self) -> Child:
        if self._child is not None and self._child.alive:
            return self._child
        self._end()
        self._child = Child(*self._command)
        self._believed(self._child, self._child.receive())
        return self._child

    def _believed(
        self, child: Child, reply: child_protocol.Message | None
    ) -> child_protocol.Message:
        if reply is None:
            words = child.last_words()
            self._end()
            raise ChildDied(words)
        if isinstance(reply, child_protocol.Refused):
            self._end()
            raise ChildRefused(reply.message)
        return reply

    def _end(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None
