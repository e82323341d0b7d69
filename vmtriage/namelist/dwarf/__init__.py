"""DWARF written directly: version 4, for gdb 10.2 and newer, as crash 8 and 9 carry them.

The gdb 7.6 of crash 7 does not know DW_AT_data_bit_offset: it would misread bit fields.
"""
