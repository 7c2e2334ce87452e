"""Formats of foreign recall logs: one module per format, which turns records into recalls.

A reader is made for one log and may remember calls that wait for their result. It never fails on a
record: what is no recall yields nothing, and a recall that cannot be used raises `BadRecord`. Light
to import; stands on `wire` alone.
"""
