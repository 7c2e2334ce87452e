"""Agents: where they keep memory, index and log, profiles of those attached, their own search.

Light, since every client may import it: stands on wire, settings, paths and text. It knows no index
of ours and no engine. Files of other programs are read, never written.
"""
