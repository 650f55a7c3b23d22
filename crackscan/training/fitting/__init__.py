"""The fit of the network: first the head, then fine-tuning, with checkpoints."""
