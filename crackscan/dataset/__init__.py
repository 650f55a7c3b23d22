"""Labelled images as people have them: found, fingerprinted, grouped, and split without leaks."""
