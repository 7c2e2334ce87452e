"""The engine's models, loaded in the background so that keyword answers before they are ready."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from membrowse import paths
from membrowse.encoding.child_encoder import ChildEncoder
from membrowse.encoding.cross_encoder import CrossEncoder
from membrowse.encoding.encoder import Encoder
from membrowse.encoding.model_config import ModelRefused
from membrowse.encoding.model_files import ModelFiles, locate, verify
from membrowse.encoding.onnx_export import ExportFailed, ensure_export, export_path
from membrowse.encoding.word_pieces import WordPieces
from membrowse.settings import RerankMethod, Settings
from membrowse.shell_commands import command
from membrowse.wire.search import RankingState

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The state of the encoder; if `encoder` is set, it is ready."""

    state: RankingState
    message: str
    encoder: Encoder | None = None
    export: Path | None = None
    """The encoder in ONNX form, if it has one."""


class Models:
    """Loads the resident encoder on a separate thread and reports its state.

    Attributes are replaced, never changed, so that any thread may read them. Read `loaded` once to
    get an encoder with its matching state.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings,
        announce: Callable[[], None],
        wrap: Callable[[Encoder], Encoder] = lambda encoder: encoder,
    ) -> None:
        """`wrap` returns what is used in place of the loaded encoder."""
        self._folder = folder
        self._settings = settings
        self._wrap = wrap
        self._child: ChildEncoder | None = None
        self._announce = announce
        self._thread = threading.Thread(target=self._load, name="models", daemon=True)
        self._loading = threading.Lock()
        """Held while `loaded` is replaced: the indexer's thread does that, too."""
        self.loaded = Loaded(RankingState.LOADING, "the encoder is loading")
        self.files: ModelFiles | None = None
        self.pieces: WordPieces | None = None
        self.cross: CrossEncoder | None = None
        self.preparing = False
        """Whether the encoder is exported before it is loaded, which happens once."""
        self._started = time.monotonic()
        self.ending = threading.Event()
        """Set when the engine begins to stop: nothing more is started."""

    @property
    def name(self) -> str:
        """The encoder's name; if it cannot be found, the name in the settings."""
        return self.files.name if self.files else self._settings.encoder.model

    @property
    def state(self) -> RankingState:
        return self.loaded.state

    @property
    def message(self) -> str:
        return self.loaded.message

    @property
    def basis(self) -> str:
        """What a ranked query depends on: state and message of the encoder."""
        return f"{self.state} {self.message}"

    @property
    def seconds_loading(self) -> float:
        """Seconds since `start`."""
        return time.monotonic() - self._started

    @property
    def encoder(self) -> Encoder | None:
        return self.loaded.encoder

    def remark(self, message: str) -> None:
        """Say `message` of the encoder from now on."""
        with self._loading:
            self.loaded = replace(self.loaded, message=message)

    def _set_loaded(self, loaded: Loaded) -> None:
        with self._loading:
            self.loaded = loaded

    def prepare(self) -> None:
        """Find and verify the model's files and read its tokenizer, on the caller's thread.

        A failure becomes the state; nothing is raised.
        """
        try:
            files = locate(self._settings.encoder)
            verify(files)
            self.pieces = WordPieces(files)
            self.files = files
        except (ModelRefused, OSError) as error:
            self._fail(str(error))

    def start(self) -> None:
        """Start to load what `prepare` found; returns at once."""
        rerank = self._settings.rerank
        if rerank.model or rerank.method is RerankMethod.CROSS_ENCODER:
            self.cross = CrossEncoder(Path(rerank.model).expanduser())
        self._started = time.monotonic()
        self._thread.start()

    def close(self) -> None:
        """Stop the child processes; a load in progress is abandoned."""
        if self.cross is not None:
            self.cross.close()
        if self._child is not None:
            self._child.close()

    def _load(self) -> None:
        if self.files is None:
            return
        if not export_path(self.files, paths.cache_dir()).exists():
            self.preparing = True
            message = "the encoder is being prepared (first run only)"
            self._set_loaded(Loaded(RankingState.LOADING, message))
        try:
            loaded = _loaded_encoder(self.files, self.ending)
            if isinstance(loaded.encoder, ChildEncoder):
                self._child = loaded.encoder
            if loaded.encoder is not None:
                loaded = replace(loaded, encoder=self._wrap(loaded.encoder))
            self._set_loaded(loaded)
        except Exception as error:  # the thread's boundary; ONNX Runtime has no common base
            log.debug("the encoder cannot be loaded", exc_info=True)
            self._fail(f"the encoder {self.files.name} cannot be loaded: {error}")
        else:
            log.info("the encoder %s is ready %s", self.files.name, loaded.message)
        self._announce()

    def _fail(self, message: str) -> None:
        message = f"{message}; run {command('doctor', self._folder)} for details"
        log.error("%s", message)
        self._set_loaded(Loaded(RankingState.FAILED, message))


def _loaded_encoder(files: ModelFiles, ending: threading.Event) -> Loaded:
    """Load the encoder for queries and small edits, but start no child once `ending` is set.

    ONNX Runtime is imported here, on the loading thread: keyword does not wait for it.
    """
    from membrowse.encoding.resident_encoder import ResidentEncoder

    try:
        export = ensure_export(files, paths.cache_dir())
        return Loaded(RankingState.READY, "", ResidentEncoder(files, export), export)
    except ExportFailed as error:
        if ending.is_set():  # the manager that stops the engine stops its children, too
            return Loaded(RankingState.FAILED, "the engine ends")
        log.warning("%s; a child process encodes instead", error)
        served = ChildEncoder(files)
        served.query("ready?")  # fails here if the model cannot be loaded at all
        message = "this model cannot be exported: it starts slowly and uses more memory"
        return Loaded(RankingState.READY, message, served)
