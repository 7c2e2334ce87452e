"""Why not this note? `diagnose` runs the steps, `suggest` tries changes that would help."""
