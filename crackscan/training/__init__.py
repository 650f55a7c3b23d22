"""Training of a model, from labelled images to a model folder."""
