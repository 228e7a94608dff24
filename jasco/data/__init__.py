"""Training data: manifests, prepared datasets, and the datasets and loaders of training."""
