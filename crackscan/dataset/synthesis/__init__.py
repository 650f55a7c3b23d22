"""Synthetic concrete, cracks of known position and width, and look-alikes that are not cracks.

For training samples, for measuring recall against crack width, and for the pictures in `examples/`.
All lengths are px of the picture that is drawn on. All random numbers come from the generator that is
passed in, so the same seed draws the same pixels. Needs only NumPy and Pillow.
"""

from crackscan.dataset.synthesis.concrete import concrete
from crackscan.dataset.synthesis.cracks import (
    Appearance,
    Crack,
    choose_appearance,
    draw_crack,
    grow_crack,
    shade_crack,
)
from crackscan.dataset.synthesis.dirt import draw_dirt
from crackscan.dataset.synthesis.lookalikes import LOOKALIKES, draw_lookalikes
from crackscan.dataset.synthesis.transplants import lift_darkness, transplant

__all__ = [
    "LOOKALIKES",
    "Appearance",
    "Crack",
    "choose_appearance",
    "concrete",
    "draw_crack",
    "draw_dirt",
    "draw_lookalikes",
    "grow_crack",
    "lift_darkness",
    "shade_crack",
    "transplant",
]
