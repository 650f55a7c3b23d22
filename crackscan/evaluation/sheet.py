"""A page of tiles, each drawn pixel by pixel, with positions in inches from the upper left corner."""

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import Unreadable
from crackscan.evaluation.plots import GREY

TILE_PX = 224  # about the size that the model sees
DPI = 150  # the value in `plots.STYLE`, so that a hairline keeps its width
TILE = TILE_PX / DPI  # inches
GAP = 0.1

XY = tuple[float, float]  # (x, y), inches from the upper left corner of the page


class Sheet:
    """A figure without an automatic layout."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width, height))
        self.figure.set_layout_engine("none")
        self._width, self._height = width, height

    def write(self, xy: XY, text: str, **style: Any) -> None:
        """Write a text with its upper left corner at `xy`."""
        x, y = xy
        self.figure.text(x / self._width, 1 - y / self._height, text, va="top", **style)

    def show(self, xy: XY, read: Callable[[], Pixels], *, frame: str | None = None) -> None:
        """Draw a tile with its upper left corner at `xy`, or write why it is unreadable.

        read: returns the pixels, or raises Unreadable. frame: colour of a frame around the tile.
        """
        x, y = xy
        box = (x / self._width, 1 - (y + TILE) / self._height, TILE / self._width, TILE / self._height)
        axes = self.figure.add_axes(box)
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        axes.spines[:].set(visible=frame is not None, color=frame, linewidth=3)
        try:
            axes.imshow(read(), interpolation="none", aspect="auto")
        except Unreadable as error:  # the file changed since the evaluation
            axes.text(0.5, 0.5, str(error), ha="center", va="center", color=GREY, fontsize=7, wrap=True)
