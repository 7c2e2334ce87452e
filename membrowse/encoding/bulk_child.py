"""The bulk encoder's process.

Run as `python -m membrowse.encoding.bulk_child MODEL REVISION PRECISION`.
"""

from __future__ import annotations

import sys

from membrowse.encoding import framing
from membrowse.encoding.files import located_again
from membrowse.encoding.serving import Answer, serve
from membrowse.encoding.values import ToEncode
from membrowse.settings import Precision


def _load() -> tuple[framing.Ready, Answer]:
    name, revision, precision = sys.argv[1:4]
    files = located_again(name, revision)
    from membrowse.encoding.bulk_model import BulkModel

    model = BulkModel(files, Precision(precision))

    def answer(message: framing.Message) -> framing.Message:
        if isinstance(message, framing.QueryRequest):
            embeddings, sentence = model.query(message.text)
            return framing.QueryReply(embeddings.tobytes(), sentence.tobytes())
        if not isinstance(message, framing.EncodeRequest):
            return framing.Refused(f"not a request for vectors: {type(message).__name__}")
        items = [ToEncode(text.key, text.header, text.text) for text in message.texts]
        return framing.EncodeReply([framing.to_wire(one) for one in model.encode(items)])

    return framing.Ready(model.model.precision, model.model.device), answer


if __name__ == "__main__":
    serve(_load)
