"""Make the samples that a network learns from."""
