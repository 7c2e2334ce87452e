"""One function per request, from the engine's components to the reply; `table` lists them."""
