"""The client side of an engine: find it, start it, supervise it, talk to it, and remember small
things between runs.

Light to import, because every command and the browser start with it: no index, no model, and httpx
only when the first request is made.
"""
