"""Text in, typed facts out: one module per crash command, and the kernel log's lines."""
