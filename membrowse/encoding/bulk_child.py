"""The bulk encoder's process.

Run as `python -m membrowse.encoding.bulk_child MODEL REVISION PRECISION`.
"""

from __future__ import annotations

import sys

from membrowse.encoding import child_protocol
from membrowse.encoding.child_server import Answer, serve
from membrowse.encoding.model_files import located_again
from membrowse.encoding.vectors import EncoderInput
from membrowse.settings import Precision


def _load() -> tuple[child_protocol.Ready, Answer]:
    name, revision, precision = sys.argv[1:4]
    files = located_again(name, revision)
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
            [child_protocol.to_wire(one) for one in model.encode(items)]
        )

    return child_protocol.Ready(model.model.precision, model.model.device), answer


if __name__ == "__main__":
    serve(_load)
