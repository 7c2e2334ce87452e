"""What `membrowse doctor` checks, in a separate process."""
