"""Training data: manifests of recordings, and the prepared dataset made of them."""
