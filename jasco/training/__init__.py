"""Training: the model as a Lightning module, and what a run needs around it."""
