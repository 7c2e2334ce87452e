"""From a folder of files to notes and chunks, and word of what changes in it.

`scanning` lists the folder, `reading` reads one file whole, `notes` takes it for a note, `chunking`
cuts the note to the encoder's window, `watching` says which paths were touched. This room knows no
index, no encoder (word pieces are counted by a function handed in) and no query.
"""
