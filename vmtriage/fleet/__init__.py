"""Many machines at once."""
