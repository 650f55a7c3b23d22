"""Labelled images: found, fingerprinted, grouped and split without leaks; synthetic cracks are drawn."""
