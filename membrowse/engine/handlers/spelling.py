"""Suggests spellings for unmatched query words; a generation's vocabulary is collected once."""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary

from membrowse.engine.components import Components
from membrowse.engine.priority import Pause
from membrowse.index.generation import Generation
from membrowse.ranking.query_parser import parse_query
from membrowse.ranking.spelling import Vocabulary, suggest_spellings, unknown_words
from membrowse.wire.explanation import SpellingRequest, SpellingSuggestion

_WAIT_SECONDS = 0.05
_collecting = threading.Lock()
_collected: WeakKeyDictionary[Generation, Vocabulary] = WeakKeyDictionary()


def suggest_spelling(
    components: Components, request: SpellingRequest, pause: Pause
) -> list[SpellingSuggestion]:
    """Spelling suggestions for the query words that match nothing."""
    generation = components.index.generation
    reader = components.configuration.ranker.date_reader(generation)
    parsed = parse_query(request.text, request.syntax, reader)
    words = unknown_words(parsed, generation.keyword)
    return suggest_spellings(words, _vocabulary(generation, pause)) if words else []


def _vocabulary(generation: Generation, pause: Pause) -> Vocabulary:
    """The words of all chunks; one caller collects them, others wait and can be cancelled."""
    while not _collecting.acquire(timeout=_WAIT_SECONDS):
        pause()
    try:
        known = _collected.get(generation)
        if known is None:
            known = Vocabulary((chunk.text for chunk in generation.chunks), pause)
            _collected[generation] = known
    finally:
        _collecting.release()
    return known
