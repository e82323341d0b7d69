"""From facts to findings: what kind of crash, which function, who, and what cannot be trusted."""
