"""Files: written whole, read within limits, found in the package, on disk and on the Hub."""
