"""Typed facts. Import from the module that owns the model, e.g. vmtriage.models.backtrace."""
