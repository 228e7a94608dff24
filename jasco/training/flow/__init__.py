"""Training and fine-tuning of the flow-matching model."""
