"""Read a folder of files as notes and chunks, and watch it for changes.

`scanner` lists the files, `reader` reads one, `note` parses it, `chunker` splits the note to fit
the encoder's window, and `watcher` reports which paths changed. This room knows no index, no query
and no encoder: the caller supplies the function that counts word pieces.
"""
