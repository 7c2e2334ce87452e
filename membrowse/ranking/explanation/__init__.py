"""Explain a chunk's rank: from a ranked query and a row to the records of `wire.explanation`.

There is one module per ranking. Each takes its numbers from the ranking's own data and repeats no
formula; `chunk_explanation` combines them. This part knows neither folder nor files.
"""
