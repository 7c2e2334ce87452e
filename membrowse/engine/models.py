"""The engine's models: loaded beside the indexes, so that keyword answers before they are there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from membrowse import paths
from membrowse.encoding.child_encoder import ChildEncoder
from membrowse.encoding.child_process import ChildFailed
from membrowse.encoding.cross_encoder import CrossEncoder
from membrowse.encoding.encoder import Encoder
from membrowse.encoding.model_config import ModelRefused
from membrowse.encoding.model_files import ModelFiles, locate, verify
from membrowse.encoding.word_pieces import WordPieces
from membrowse.settings import RerankMethod, Settings
from membrowse.wire.search import RankingState

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """How far the encoder is; one that is there is ready."""

    state: RankingState
    message: str
    encoder: Encoder | None = None


class Models:
    """Loads the resident encoder on a thread of its own and says how far it is.

    Attributes are replaced, never changed, so that any thread may read them; who needs both the
    encoder and its state takes `loaded` once.
    """

    def __init__(self, settings: Settings, announce: Callable[[], None]) -> None:
        self._settings = settings
        self._announce = announce
        self._thread = threading.Thread(target=self._load, name="models", daemon=True)
        self.loaded = Loaded(RankingState.LOADING, "the encoder is loading")
        self.files: ModelFiles | None = None
        self.pieces: WordPieces | None = None
        self.cross: CrossEncoder | None = None

    @property
    def name(self) -> str:
        """The encoder's name, or the one that is set where it cannot be found."""
        return self.files.name if self.files else self._settings.encoder.model

    @property
    def state(self) -> RankingState:
        return self.loaded.state

    @property
    def message(self) -> str:
        return self.loaded.message

    @property
    def encoder(self) -> Encoder | None:
        return self.loaded.encoder

    def prepare(self) -> None:
        """Find and verify the model's files and read its tokenizer, on the caller's thread.

        What is wrong with them becomes the state; nothing is raised.
        """
        try:
            files = locate(self._settings.encoder)
            verify(files)
            self.pieces = WordPieces(files)
            self.files = files
        except (ModelRefused, OSError) as error:
            self._fail(str(error))

    def start(self) -> None:
        """Load what `prepare` found; returns at once."""
        rerank = self._settings.rerank
        if rerank.model or rerank.method is RerankMethod.CROSS_ENCODER:
            self.cross = CrossEncoder(Path(rerank.model).expanduser())
        self._thread.start()

    def close(self) -> None:
        """End what runs; a load that goes on is left behind."""
        if self.cross is not None:
            self.cross.close()
        if isinstance(self.encoder, ChildEncoder):
            self.encoder.close()

    def _load(self) -> None:
        if self.files is None:
            return
        try:
            encoder, note = _encoder(self.files)
        except (ModelRefused, ChildFailed, OSError, RuntimeError, ValueError) as error:
            log.exception("the encoder cannot be loaded")
            self._fail(f"the encoder {self.files.name} cannot be loaded: {error}")
        else:
            self.loaded = Loaded(RankingState.READY, note, encoder)
            log.info("the encoder %s is ready %s", self.files.name, note)
        self._announce()

    def _fail(self, message: str) -> None:
        log.error("%s", message)
        message = f"{message}; `membrowse doctor` tells more"
        self.loaded = Loaded(RankingState.FAILED, message)


def _encoder(files: ModelFiles) -> tuple[Encoder, str]:
    """The encoder for queries and small edits, and what is to be said of it.

    ONNX Runtime is imported here, on the thread that loads: keyword does not wait for it.
    """
    from membrowse.encoding.onnx_export import ExportFailed, ensure_export
    from membrowse.encoding.resident_encoder import ResidentEncoder

    try:
        return ResidentEncoder(files, ensure_export(files, paths.cache_dir())), ""
    except ExportFailed as error:
        log.warning("%s; a child process encodes instead", error)
        served = ChildEncoder(files)
        served.query("ready?")  # a model that cannot be loaded at all is found out here
        return served, "this model cannot be exported: it is slow to start and takes more memory"
