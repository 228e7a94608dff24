"""Training of the model, the codec and the text encoder with Lightning."""
