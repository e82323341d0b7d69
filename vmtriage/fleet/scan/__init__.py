"""One run over crash shares: find, decide, analyse, tell. Start with run.py."""
