"""Everything that crosses the socket between an engine and its clients.

The records are defined once, here, and serve the engine, the socket and `--json` alike; `requests`
is the table of what a client can ask. This package imports nothing of ours: no index, no model, no
user interface. Records hold finished values: a share, a difference or a sentence that is shown is
computed by whoever fills in the record, never by whoever shows it.

Unless a field says otherwise: lines are 1-based and inclusive; offsets count characters (code
points), end exclusive; ranks start at 1; times are ISO 8601 in UTC with a trailing Z; durations are
milliseconds; paths are relative to the folder, with `/`. Where a JSON key differs from the name
here, `msgspec.field(name=…)` keeps the key that schema 1 documents.
"""
