"""Tickets and alerts: whom to tell of a problem, by which way, at least once and recorded.

Read desk.py first: it is the order of things. A way to tell is a `Channel` (base.py).
"""
