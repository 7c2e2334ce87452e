"""Searches the index: settings in force, ranked queries, targets, responses and their pages."""
