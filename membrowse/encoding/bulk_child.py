"""The bulk encoder's child process.

Run as `python -m membrowse.encoding.bulk_child MODEL REVISION PRECISION [EXPORT]`; it encodes with
ONNX Runtime if it gets an export, else with torch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from membrowse.encoding import child_protocol
from membrowse.encoding.child_server import Answer, serve
from membrowse.encoding.encoder import EncodedText, EncoderInput
from membrowse.encoding.model_files import ModelFiles, locate_verified
from membrowse.settings import Precision

_Encode = Callable[[Sequence[EncoderInput]], list[EncodedText]]


def _load() -> tuple[child_protocol.Ready, Answer]:
    name, revision, precision, *export = sys.argv[1:]
    files = locate_verified(name, revision)
    if export:
        from membrowse.encoding.resident_encoder import ResidentEncoder

        encoder = ResidentEncoder(files, Path(export[0]), threads=os.cpu_count() or 1)
        return child_protocol.Ready(Precision.FLOAT32), partial(_encoded, encoder.encode)
    return _load_torch(files, Precision(precision))


def _load_torch(files: ModelFiles, precision: Precision) -> tuple[child_protocol.Ready, Answer]:
    from membrowse.encoding.bulk_model import BulkModel

    model = BulkModel(files, precision)

    def answer(message: child_protocol.Message) -> child_protocol.Message:
        if isinstance(message, child_protocol.QueryRequest):
            embeddings, sentence = model.query(message.text)
            return child_protocol.QueryReply(embeddings.tobytes(), sentence.tobytes())
        return _encoded(model.encode, message)

    return child_protocol.Ready(model.model.precision), answer


def _encoded(encode: _Encode, message: child_protocol.Message) -> child_protocol.Message:
    """Return the reply to `message`: the vectors that `encode` computes."""
    if not isinstance(message, child_protocol.EncodeRequest):
        return child_protocol.Refused(f"not a request for vectors: {type(message).__name__}")
    items = [EncoderInput(text.key, text.header, text.text) for text in message.texts]
    return child_protocol.EncodeReply([child_protocol.pack_vectors(one) for one in encode(items)])


if __name__ == "__main__":
    serve(_load)
