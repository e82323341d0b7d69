"""Incidents in a kernel log: lines -> formats -> reports -> guilty function -> the primary one."""
