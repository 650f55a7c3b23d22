"""Open a model folder and predict cracks in tiles."""
