"""What membrowse finds out about a recall, as typed records: computed by `ranking` and the engine,
rendered alike by the browser, the command line and `--json`.

Light to import, like `recall`: no index, no model, no user interface. Nothing is worked out here or
by those who show it; a share, a difference or a sentence that is shown is in the record.
"""
