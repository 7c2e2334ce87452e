"""Agents: discovery, profiles, their own search, their own index."""
