"""The child's side of the pipes: load a model, answer requests in order, end with the parent."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO

from membrowse.encoding import framing

Answer = Callable[[framing.Message], framing.Message]

_NICENESS = 10


def serve(load: Callable[[], tuple[framing.Ready, Answer]]) -> None:
    """Send `Ready` (or `Refused`) once `load` is done, then a reply for every request.

    Never returns: the process ends when its standard input does, even in the middle of work. What
    anything prints goes to standard error. Meant for the main thread of a process of its own, which
    it makes polite (niceness 10).
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    requests, replies = framing.own_pipes()
    os.nice(_NICENESS)
    waiting: queue.SimpleQueue[framing.Message] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, waiting), daemon=True).start()
    try:
        ready, answer = load()
    except Exception as error:  # the process's boundary: the parent shows it
        logging.exception("the model cannot be loaded")
        framing.write(replies, framing.Refused(f"{type(error).__name__}: {error}"))
        sys.exit(1)
    framing.write(replies, ready)
    while True:
        framing.write(replies, answer(waiting.get()))


def _read(requests: BinaryIO, waiting: queue.SimpleQueue[framing.Message]) -> None:
    while (message := framing.read(requests)) is not None:
        waiting.put(message)
    os._exit(0)
