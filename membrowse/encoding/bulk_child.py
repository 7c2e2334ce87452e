"""The bulk encoder's child process.

Run as `python -m membrowse.encoding.bulk_child MODEL REVISION PRECISION`.
"""

from __future__ import annotations

import sys

from membrowse.encoding import child_protocol
from membrowse.encoding.child_server import Answer, serve
from membrowse.encoding.encoder import EncoderInput
from membrowse.encoding.model_files import locate_verified
from membrowse.settings import Precision


def _load() -> tuple[child_protocol.Ready, Answer]:
    name, revision, precision = sys.argv[1:4]
    files = locate_verified(name, revision)
    from membrowse.encoding.bulk_model import BulkModel

    model = BulkModel(files, Precision(precision))

    def answer(message: child_protocol.Message) -> child_protocol.Message:
        if isinstance(message, child_protocol.QueryRequest):
            embeddings, sentence = model.query(message.text)
            return child_protocol.QueryReply(embeddings.tobytes(), sentence.tobytes())
        if not isinstance(message, child_protocol.EncodeRequest):
            return child_protocol.Refused(f"not a request for vectors: {type(message).__name__}")
        items = [EncoderInput(text.key, text.header, text.text) for text in message.texts]
        return child_protocol.EncodeReply(
            [child_protocol.pack_vectors(one) for one in model.encode(items)]
        )

    return child_protocol.Ready(model.model.precision), answer


if __name__ == "__main__":
    serve(_load)
