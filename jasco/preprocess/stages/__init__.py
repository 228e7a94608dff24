"""The stages of the preparation, each a module of its own: a worker loads only those it runs."""
