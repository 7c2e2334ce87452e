"""The settings in force: what every query of this engine is ranked by, until they are changed."""

from __future__ import annotations

from membrowse.ranking.pipeline import Ranker
from membrowse.settings import Settings


class Configuration:
    """Settings and the ranker made of them. Replaced, never changed; read from any thread."""

    def __init__(self, settings: Settings) -> None:
        self._in_force = (settings, Ranker(settings))

    @property
    def settings(self) -> Settings:
        return self._in_force[0]

    @property
    def ranker(self) -> Ranker:
        return self._in_force[1]

    def put(self, settings: Settings) -> None:
        """Rank by `settings` from now on."""
        self._in_force = (settings, Ranker(settings))
