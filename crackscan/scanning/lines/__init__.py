"""Crack lines: from probabilities of a crack's centre line to traces with widths, joined to whole cracks.

All positions are (col, row) in px of the picture given; (0, 0) is the outer corner of its first pixel.
The module `tracing` makes traces of one picture, `joining` puts the traces of many pictures together.
Needs scikit-image (extra `lines`), which is imported on first use.
"""
