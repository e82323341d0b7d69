"""Reports for people and programs: pure functions from a report to text."""
