"""The steps of a diagnosis, one file each, in the order of `StepName`.

Each takes a context and returns a `Finding`. The first three look at files and the journal, the
others at one chunk of a ranked query.
"""
