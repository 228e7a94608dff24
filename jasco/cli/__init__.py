"""The command lines: each module is one program, each `main` returns its exit code."""
