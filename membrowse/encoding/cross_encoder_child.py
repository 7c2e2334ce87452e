"""The CrossEncoder's child process:
`python -m membrowse.encoding.cross_encoder_child DIRECTORY`.
"""

from __future__ import annotations

import sys

import numpy as np

from membrowse.encoding import child_protocol
from membrowse.encoding.child_server import Answer, serve


def _load() -> tuple[child_protocol.Ready, Answer]:
    from sentence_transformers import CrossEncoder

    from membrowse.encoding.torch_model import best_device

    model = CrossEncoder(
        sys.argv[1], device=best_device(), local_files_only=True, trust_remote_code=False
    )
    if model.num_labels != 1:
        raise ValueError(f"it returns {model.num_labels} scores per pair, not one")

    def answer(message: child_protocol.Message) -> child_protocol.Message:
        if not isinstance(message, child_protocol.ScoreRequest):
            return child_protocol.Refused(f"not a request for scores: {type(message).__name__}")
        pairs = [(message.query, text) for text in message.texts]
        scores = model.predict(pairs, show_progress_bar=False, convert_to_numpy=True)
        return child_protocol.ScoreReply(np.asarray(scores, np.float32).tobytes())

    return child_protocol.Ready("float32"), answer


if __name__ == "__main__":
    serve(_load)
