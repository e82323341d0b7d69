"""One TOML file for `scan` and `listen`, checked as a whole before anything starts."""
