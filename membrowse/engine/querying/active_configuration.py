"""The settings in force: what every query of this engine is ranked by, until they are changed."""

from __future__ import annotations

from membrowse.ranking.ranker import Ranker
from membrowse.settings import Settings


class ActiveConfiguration:
    """Settings and the ranker made of them. Replaced, never changed; read from any thread."""

    def __init__(self, settings: Settings) -> None:
        self.ranker = Ranker(settings)
        """Who needs both takes this once: its `settings` are those that it ranks by."""

    @property
    def settings(self) -> Settings:
        return self.ranker.settings

    def put(self, settings: Settings) -> None:
        """Rank by `settings` from now on."""
        self.ranker = Ranker(settings)
