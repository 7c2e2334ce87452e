"""The systems that agents keep their memory in: one module each, behind `MemorySystem`."""
