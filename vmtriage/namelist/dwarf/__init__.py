"""DWARF written directly: version 4, for gdb 7.6 and 10.2 as crash carries them."""
