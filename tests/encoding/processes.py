"""The child processes behind encoders."""

from __future__ import annotations

from membrowse.encoding.bulk_encoder import BulkEncoder
from membrowse.encoding.child_encoder import ChildEncoder
from membrowse.encoding.cross_encoder import CrossEncoder


def bulk_pid(encoder: BulkEncoder) -> int:
    return encoder._child.pid


def child_pid(encoder: ChildEncoder | CrossEncoder) -> int | None:
    """The process id of a child that is started on demand, if one runs."""
    child = encoder._child._child
    return child.pid if child is not None else None
