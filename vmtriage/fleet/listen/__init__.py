"""`vmtriage listen`: kernel logs by netconsole in, events about crashes out.

receive -> hosts (one Host each: order, lines, window) -> worker (assess, in a process of its own)
-> dispatch (rules, rate limits) -> notifiers (a thread each). Start with `service.py`.
"""
