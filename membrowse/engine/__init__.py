"""The one process that owns an index.

`process` runs it, `service` is its event loop, `http` its socket, `components` what it consists of
once the index is open: `indexing` keeps the index equal to the folder, `querying` searches it,
`pins` runs the pins, `handlers` answer requests, `health` is what `membrowse doctor` runs. Clients
need no file here: they talk to an engine through `membrowse.client`.
"""
