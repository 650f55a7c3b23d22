"""Scans on a cluster of machines, by Ray. Nothing outside of this folder knows of Ray."""
