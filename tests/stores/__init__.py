"""Stores of other programs: addresses, fields, copies, and the child process that reads them."""
