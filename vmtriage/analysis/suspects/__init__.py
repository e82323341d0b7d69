"""The rules that name suspects, by what they look at. culprit.py lists them all."""
