"""The client side of an engine: find, start, supervise and talk to it; remember small things
between runs.

Light to import, because every command and the browser start with it: httpx is imported with the
first request.
"""
