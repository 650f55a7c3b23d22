"""The line head: its samples with their targets, its fit, and its file in a model folder."""
