"""What makes two vectors comparable: the encoder that made both."""

from __future__ import annotations

from dataclasses import dataclass

POOLING = "passages-1"
"""Our version of how token embeddings become vectors: bump it when `encoding.pooling` would make
other ones of the same embeddings, or `knowledge.passages` finds other passages in the same text."""


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """An encoder, so that vectors of another one are known to be stale."""

    name: str
    revision: str
    """Hash of the weights and of what is read beside them (hex)."""
    window: int
    """Word pieces read at most, specials included."""
    pooling: str
    """How token vectors become sentence and passage vectors, with our version of it."""

    @property
    def key(self) -> str:
        """One line that differs whenever vectors would."""
        return f"{self.name}@{self.revision[:16]}/window-{self.window}/{self.pooling}"
