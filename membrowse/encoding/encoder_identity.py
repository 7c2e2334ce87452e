"""Identity of an encoder: vectors are comparable only if the same encoder made them."""

from __future__ import annotations

from dataclasses import dataclass

POOLING = "passages-1"
"""Version of our pooling: raise it when `encoding.pooling` makes other vectors of the same
embeddings, or `notes.passages` finds other passages in the same text."""


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """Identifies an encoder, so that vectors of another one are recognised as stale."""

    name: str
    revision: str
    """Hash (hex) of the weights and the files read with them."""
    window: int
    """Maximum number of word pieces, including specials."""
    pooling: str
    """How token vectors become sentence and passage vectors, including our version."""

    @property
    def key(self) -> str:
        """One line that changes whenever vectors would."""
        return f"{self.name}@{self.revision[:16]}/window-{self.window}/{self.pooling}"
