"""The engine's parts put together, as plain blocking calls: the service runs them on threads."""

from __future__ import annotations

import dataclasses
import logging
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from membrowse import places
from membrowse.engine import memory, preview, unopened
from membrowse.engine.configuration import Configuration
from membrowse.engine.courtesy import Pause, Traffic
from membrowse.engine.evaluations import Evaluations
from membrowse.engine.events import Asked, EncoderLoaded, Paused
from membrowse.engine.freshness import FreshnessOf
from membrowse.engine.indexer import Indexer
from membrowse.engine.inspections import Inspection
from membrowse.engine.models import Models
from membrowse.engine.parts import Parts
from membrowse.engine.pinning import Pins
from membrowse.engine.protocol import (
    CheckReport,
    ChunkRequest,
    ChunkView,
    EncoderState,
    EngineInfo,
    FileRecord,
    PageRequest,
    Pending,
    RecallRequest,
    ReindexRequest,
    State,
    Status,
    TokenVectors,
    WatchRequest,
)
from membrowse.engine.questions import Questions, Step
from membrowse.engine.records import file_records
from membrowse.engine.refusals import NotReady, Unknown
from membrowse.engine.saved_tunings import SavedTunings
from membrowse.engine.targets import Targets
from membrowse.engine.verification import check_report
from membrowse.findings.pins import PinsState
from membrowse.index.analysis import ANALYSER
from membrowse.index.index import Index, Recipe, discard
from membrowse.knowledge.chunking import CHUNKER
from membrowse.recall import Ranking, RankingState
from membrowse.settings import Settings, tunings

log = logging.getLogger(__name__)

T = TypeVar("T")

_TIDY_SECONDS = 60.0


class Work:
    """The engine of `folder`. `changed` is called, from any thread, when the state changed."""

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        changed: Callable[[], None],
        traffic: Traffic | None = None,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._configuration = Configuration(settings)
        self._changed = changed
        self._traffic = traffic or Traffic()
        self._pins: Pins | None = None
        self._models = Models(settings, self._encoder_loaded)
        self._index: Index | None = None
        self._indexer: Indexer | None = None
        self._questions: Questions | None = None
        self._parts: Parts | None = None
        self._tunings = SavedTunings(
            self._configuration, tunings.beside(places.config_file()), self._look_again
        )
        self._problem = ""
        self._closing = threading.Event()
        self._counting = threading.Lock()
        self._beginning = threading.Lock()
        self._asked = 1  # the indexer's own first look at the folder

    def open(self) -> None:
        """Open the index and begin to keep it current; a failure becomes the state's problem."""
        try:
            self._models.prepare()
            recipe = self._recipe()
            index = self._open_index(places.index_dir(self._folder), recipe)
        except Exception as error:  # a thread's boundary
            log.exception("the index cannot be opened")
            self._problem = f"the index cannot be opened: {error}"
            return
        self._index = index
        self._indexer = Indexer(
            self._folder, self._settings, index, recipe, self._models, self._look_again_at_all
        )
        indexer = self._indexer
        targets = Targets(index, lambda: indexer.facts)
        self._questions = Questions(
            self._folder,
            self._configuration,
            index,
            self._models,
            lambda: self._pending().total,
            targets,
        )
        evaluations = Evaluations(self._configuration, index, self._models)
        self._pins = Pins(
            self._folder / Path(self._settings.pins.file).expanduser(),
            index,
            evaluations,
            self._settled,
            self._traffic,
            self._changed,
        )
        self._parts = Parts(
            folder=self._folder,
            configuration=self._configuration,
            index=index,
            models=self._models,
            indexer=self._indexer,
            evaluations=evaluations,
            targets=targets,
            questions=self._questions,
            tunings=self._tunings,
            pins=self._pins,
        )
        self._indexer.start()
        self._models.start()
        self._pins.start()
        threading.Thread(target=self._tend_chroma, name="chroma", daemon=True).start()

    def examine(self, directory: Path) -> CheckReport:
        """Open the index in `directory` for a look only; for use without a running engine."""
        self._models.prepare()
        self._index = self._open_index(directory, self._recipe())
        self._index.open_chroma()
        return self.check()

    def close(self) -> None:
        """Finish what is being written, and let go."""
        self._closing.set()
        if self._indexer is not None:
            self._indexer.close()
        if self._pins is not None:
            self._pins.close()
        self._models.close()
        if self._questions is not None:
            self._questions.close()
        if self._index is not None:
            self._index.close()

    @property
    def busy(self) -> bool:
        """Work goes on that must not be cut short for idleness."""
        return self._indexer is not None and self._indexer.facts.busy

    def begin(self, request: RecallRequest) -> tuple[Step, ...]:
        self._tunings.refresh()
        return self._ready(self._questions).steps(request)

    def page(self, request: PageRequest) -> Ranking:
        return self._ready(self._questions).page(request)

    def chunk(self, request: ChunkRequest) -> ChunkView:
        """The chunk (or its successor) in its note; `Unknown` where it is gone."""
        index = self._ready(self._index)
        generation = index.generation
        live = request.chunk
        if live not in generation.row_of:
            live = index.successor(request.chunk) or request.chunk
        row = generation.row_of.get(live)
        if row is None:
            raise Unknown("this chunk is no longer in the index")
        fresh = FreshnessOf(self._folder, generation.notes)(generation.chunks[row].path)
        return preview.view(generation, row, fresh, preview.marker(request.text, request.syntax))

    def inspect(self, request: Inspection[Any], pause: Pause) -> object:
        from membrowse.engine import inspector  # what it imports is not for the first query

        self._tunings.refresh()
        return inspector.answer(self._ready(self._parts), request, pause)

    def files(self) -> list[FileRecord]:
        generation = self._ready(self._index).generation
        return file_records(self._ready(self._indexer).facts, generation.notes)

    def check(self) -> CheckReport:
        return check_report(self._ready(self._index), self._models)

    def reindex(self, request: ReindexRequest) -> State:
        if request.rebuild:
            self._begin_anew()
        indexer = self._ready(self._indexer)
        with self._counting:
            self._asked += 1
            indexer.tell(Asked(frozenset(request.paths), rebuild=request.rebuild))
            return self.state(stopping=False)

    def _begin_anew(self) -> None:
        """An index that cannot be opened is thrown away, by one of those who ask for that; the
        folder is the truth."""
        with self._beginning:
            if self._index is None:
                discard(places.index_dir(self._folder))
                self._problem = ""
                self.open()
                self._changed()

    def set_watching(self, request: WatchRequest) -> State:
        self._ready(self._indexer).tell(Paused(request.paused))
        return self.state(stopping=False)

    def status(self, engine: EngineInfo) -> Status:
        index = self._ready(self._index)
        states = Counter(record.state.value for record in self.files())
        return Status(
            state=self.state(stopping=False),
            engine=engine,
            index_dir=str(places.index_dir(self._folder)),
            sizes=index.sizes(),
            notes_by_state=dict(sorted(states.items())),
            token_vectors=TokenVectors(
                chunks=index.tokens.count,
                bytes=index.tokens.bytes,
                budget_bytes=index.tokens.budget,
            ),
            recipe=dataclasses.asdict(index.recipe),
            settings_digest=self._configuration.settings.digest,
        )

    def state(self, *, stopping: bool) -> State:
        """The whole state, as of now."""
        index, indexer = self._index, self._indexer
        if index is None or indexer is None:
            return unopened.state(
                self._folder,
                self._configuration.settings,
                encoder=self._encoder(""),
                problem=self._problem,
                stopping=stopping,
            )
        facts, generation = indexer.facts, index.generation
        excluded = sum(f.excluded is not None for f in facts.comparison.found.values())
        return State(
            folder=str(self._folder),
            generation=generation.number,
            notes=len(generation.notes),
            chunks=len(generation.chunks),
            encoded=int(generation.encoded.sum()),
            not_indexed=excluded + len(facts.refusals),
            pending=facts.pending,
            watcher=indexer.watcher(),
            encoder=self._encoder(facts.precision),
            progress=facts.progress,
            last_change=facts.last_change,
            changed=facts.changed,
            deleted=facts.deleted,
            stale=facts.stale,
            problem=facts.problem or self._tunings.problem,
            settings_digest=self._configuration.settings.digest,
            tuning=self._tunings.name,
            pins=self._pins.state if self._pins is not None else PinsState(),
            agent_k=self._configuration.settings.agent.k,
            agent_min_score=self._configuration.settings.agent.min_score,
            asked=self._asked,
            answered=facts.answered,
            stopping=stopping,
        )

    def _encoder(self, precision: str) -> EncoderState:
        models = self._models
        name = models.files.name if models.files else self._settings.encoder.model
        return EncoderState(
            state=models.state, name=name, precision=precision, message=models.message
        )

    def _recipe(self) -> Recipe:
        files = self._models.files
        return Recipe(
            chunker=f"{CHUNKER}-{files.window}" if files else f"{CHUNKER}-estimated",
            analyser=ANALYSER,
            encoder=files.identity.key if files else "",
        )

    def _open_index(self, directory: Path, recipe: Recipe) -> Index:
        files = self._models.files
        return Index.open(
            directory,
            recipe,
            token_budget=self._settings.encoder.token_budget_mb << 20,
            dimension=files.dimension if files else 0,
        )

    def _tend_chroma(self) -> None:
        index = self._ready(self._index)
        tidied = index.generation.number
        self._without_chroma(index.open_chroma)
        while not self._closing.wait(_TIDY_SECONDS):
            if index.generation.number != tidied:
                tidied = index.generation.number
                self._without_chroma(index.renew_chroma)
                memory.give_back()

    def _without_chroma(self, step: Callable[[], object]) -> None:
        """Take `step`; where it fails, all goes on but HNSW's answer."""
        try:
            step()
        except Exception:  # a thread's boundary
            log.exception("Chroma failed: HNSW's answer is not shown")

    def _look_again_at_all(self) -> None:
        self._tunings.refresh()
        self._look_again()

    def _look_again(self) -> None:
        """Something changed: the state is told, and the pins may have to be run."""
        if self._parts is not None:
            self._parts.evaluations.forget_old()
        if self._pins is not None:
            self._pins.wake()
        self._changed()

    def _settled(self) -> bool:
        """Whether the index is what the folder is, and all of it encoded."""
        index, indexer = self._ready(self._index), self._ready(self._indexer)
        facts = indexer.facts
        pending = facts.pending.new + facts.pending.changed + facts.pending.deleted
        return (
            not facts.busy
            and (facts.paused or not pending)
            and self._models.state is RankingState.READY
            and bool(index.generation.encoded.all())
        )

    def _encoder_loaded(self) -> None:
        if self._indexer is not None:
            self._indexer.tell(EncoderLoaded())
        self._changed()

    def _pending(self) -> Pending:
        return self._indexer.facts.pending if self._indexer is not None else Pending()

    def _ready(self, part: T | None) -> T:
        if part is None:
            raise NotReady(self._problem or "the index is being opened")
        return part
