"""Talking to crash(8): one protocol, a live driver, a recorder and a replay."""
