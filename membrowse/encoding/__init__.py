"""Text to vectors: the bundled encoder, verified, in two forms that agree.

*Resident* (ONNX Runtime, in the engine) serves queries and small edits; *bulk* (sentence-
transformers, in a child process) serves an index. torch, transformers and sentence-transformers
are imported in child processes only, and the carrier package's code is never imported at all.

This room must not know of an index, a ranking or a note: it is given texts and returns vectors.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
"""ONNX Runtime's builds report to their maker unless this is set before it is first imported."""
