"""Pipeline from a request to files: shared by the command line, a page and a server."""
