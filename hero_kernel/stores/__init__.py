"""Where records are kept: memory, one SQLite file, or Redis."""
