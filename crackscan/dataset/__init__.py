"""Labelled images: reading, fingerprinting, grouping and splitting them without leaks; synthetic cracks."""
