"""Fit the network: the head, then fine-tuning, with checkpoints."""
