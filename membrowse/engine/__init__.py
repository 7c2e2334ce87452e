"""The one process that owns an index, and what its clients need to talk to it.

Server side: `server`, `service`, `indexer`, `lock`. Client side: `protocol`, `client`, `lifecycle`,
`supervisor`; these import no index, no model and no ranking, so that a client stays light.
"""
