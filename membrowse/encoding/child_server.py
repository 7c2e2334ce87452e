"""The child's side of the pipes: load a model, answer requests in order, end with the parent."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO

from membrowse.encoding import child_protocol

Answer = Callable[[child_protocol.Message], child_protocol.Message]

_NICENESS = 10


def serve(load: Callable[[], tuple[child_protocol.Ready, Answer]]) -> None:
    """Send `Ready` (or `Refused`) once `load` is done, then a reply for every request.

    Never returns: the process ends when its standard input does, even in the middle of work. What
    anything prints goes to standard error. Meant for the main thread of a process of its own, which
    it makes polite (niceness 10).
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    requests, replies = child_protocol.own_pipes()
    os.nice(_NICENESS)
    waiting: queue.SimpleQueue[child_protocol.Message] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, waiting), daemon=True).start()
    try:
        ready, answer = load()
    except Exception as error:  # the process's boundary: the parent shows it
        logging.exception("the model cannot be loaded")
        child_protocol.write(replies, child_protocol.Refused(f"{type(error).__name__}: {error}"))
        sys.exit(1)
    child_protocol.write(replies, ready)
    while True:
        child_protocol.write(replies, answer(waiting.get()))


def _read(requests: BinaryIO, waiting: queue.SimpleQueue[child_protocol.Message]) -> None:
    while (message := child_protocol.read(requests)) is not None:
        waiting.put(message)
    os._exit(0)
