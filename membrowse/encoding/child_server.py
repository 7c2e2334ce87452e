"""The child's side of the protocol: load a model, answer requests in order, end with the parent."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO

from membrowse.encoding import child_protocol
from membrowse.log_formats import traceback_without_text

Answer = Callable[[child_protocol.Message], child_protocol.Message]

_NICENESS = 10


def serve(load: Callable[[], tuple[child_protocol.Ready, Answer]]) -> None:
    """Send `Ready` (or `Refused`) after `load`, then one reply per request.

    Never returns: the process ends when its stdin does, even during work. All other output goes to
    stderr. Call it from the main thread of a separate process, whose priority it lowers (niceness
    10).
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    requests, replies = own_pipes()
    with contextlib.suppress(OSError):  # a sandbox may deny it
        os.nice(_NICENESS)
    waiting: queue.SimpleQueue[child_protocol.Message] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, waiting), daemon=True).start()
    try:
        ready, answer = load()
    except Exception as error:  # reported to the parent
        logging.exception("the model cannot be loaded")
        child_protocol.write(replies, child_protocol.Refused(f"{type(error).__name__}: {error}"))
        sys.exit(1)
    child_protocol.write(replies, ready)
    while True:
        try:
            reply = answer(waiting.get())
        except Exception as error:  # stderr becomes part of the engine's log
            logging.error("a request failed:\n%s", traceback_without_text(error))
            sys.exit(1)
        child_protocol.write(replies, reply)


def own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the child's ends of the pipes; any later `print` goes to stderr instead."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, replies


def _read(requests: BinaryIO, waiting: queue.SimpleQueue[child_protocol.Message]) -> None:
    while (message := child_protocol.read(requests)) is not None:
        waiting.put(message)
    os._exit(0)
