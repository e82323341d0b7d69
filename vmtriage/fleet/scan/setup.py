"""From plain options to a task and the hands for it."""
