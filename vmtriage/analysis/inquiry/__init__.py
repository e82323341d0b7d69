"""Further questions to the session, once the class of the crash is known.

plans.py says what each class needs; a step answers with models and never fails: what it could
not read stays None, and says so.
"""
