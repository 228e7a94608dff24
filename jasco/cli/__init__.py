"""Command lines, one module per program; each `main` returns an exit code."""
