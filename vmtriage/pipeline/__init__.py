"""From an input to a report: `opening` finds what to talk to, `triage` does the job."""
