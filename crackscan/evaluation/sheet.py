"""A page of tiles: each keeps its pixels, and everything its place in inches from the upper left corner."""

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import Unreadable
from crackscan.evaluation.plots import GREY

TILE_PX = 224  # as the model sees them, or nearly
DPI = 150  # as `plots.STYLE` has it: a hairline keeps its width
TILE = TILE_PX / DPI  # inches
GAP = 0.1

XY = tuple[float, float]  # (x, y), inches from the upper left corner of the page


class Sheet:
    """A figure without a layout of its own."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width, height))
        self.figure.set_layout_engine("none")
        self._wide, self._tall = width, height

    def write(self, place: XY, text: str, **how: Any) -> None:
        """Write a text whose upper edge is there."""
        x, y = place
        self.figure.text(x / self._wide, 1 - y / self._tall, text, va="top", **how)

    def show(self, place: XY, read: Callable[[], Pixels], *, frame: str | None = None) -> None:
        """Draw a tile whose upper left corner is there, in a frame of a colour, or why it is unreadable."""
        x, y = place
        box = (x / self._wide, 1 - (y + TILE) / self._tall, TILE / self._wide, TILE / self._tall)
        axes = self.figure.add_axes(box)
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        axes.spines[:].set(visible=frame is not None, color=frame, linewidth=3)
        try:
            axes.imshow(read(), interpolation="none", aspect="auto")
        except Unreadable as fault:  # it could be read a minute ago
            axes.text(0.5, 0.5, str(fault), ha="center", va="center", color=GREY, fontsize=7, wrap=True)
