"""What a fleet remembers between two scans: SQLite on a local disk, or PostgreSQL."""
