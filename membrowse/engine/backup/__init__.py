"""Backup and restore of what cannot be derived from the folder of notes."""
