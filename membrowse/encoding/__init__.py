"""Turn text into vectors with a verified local encoder, in two forms that agree.

The *resident* encoder (ONNX Runtime, in the engine) serves queries and small edits; the *bulk*
encoder (in a child process) serves a whole index, with ONNX Runtime or, where that is faster, with
sentence-transformers. Only child processes import torch, transformers and sentence-transformers,
and the code of the package that carries the bundled model is never imported.

This room knows no index and no ranking: it receives texts and returns vectors.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
"""ONNX Runtime sends telemetry unless this is set before its first import."""
