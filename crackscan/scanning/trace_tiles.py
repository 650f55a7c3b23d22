"""Tracing of the tiles in which a crack may be: the line head sees them with their surroundings."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from PIL import Image, ImageFilter

from crackscan.basics import grid
from crackscan.basics.arrays import Float32s, Pixels
from crackscan.basics.errors import Stalled, Unreadable
from crackscan.basics.records import Trace, Window
from crackscan.model.line_head import LINE_CELL_PX
from crackscan.model.network import STRIDE
from crackscan.model.predictions import Classifier
from crackscan.reading import Mask, Patch, fit_to
from crackscan.scanning.cores import Cores, merged
from crackscan.scanning.tiles import Tile

AROUND_PX = 16  # as judged, that the network sees around the part whose lines count
MOST_PX = 160_000  # as judged, of one picture with its surroundings: it takes about 1 kB a pixel
BLIND_CELLS = 2  # of the network's answer, around pixels without data: their filling has an edge


@dataclass(frozen=True, slots=True)
class Tracer:
    """What tracing needs to know of a photo or a mosaic."""

    classifier: Classifier
    read: Callable[[Window], Patch]  # raises Unreadable; any window inside the image
    cores: Cores
    scale: float  # px of the image, in each direction, that are one px as judged
    floor: float  # a tile of this probability or more is traced
    decimation: int = 1  # px of the image whose mean `read` gives

    def trace(self, tiles: Sequence[Tile]) -> list[Tile]:
        """Return neighbouring tiles with the traces that begin in them.

        Raises: Stalled, Unreadable: as `read`.
        """
        traced = [tile.window for tile in tiles if tile.status == "ok" and _at_least(tile, self.floor)]
        cores = {self.cores.core(window): window for window in traced}
        around = ceil(AROUND_PX * self.scale)
        found: dict[Window, list[Trace]] = {}
        for area in merged(list(cores), most_px=round(MOST_PX * self.scale**2), around_px=around):
            inside = [core for core in cores if _holds(area, core.col, core.row)]
            for trace in self._trace_area(area, inside, around):
                found.setdefault(cores[_home(trace, inside)], []).append(trace)
        return [tile._replace(traces=tuple(found.get(tile.window, ()))) for tile in tiles]

    def _trace_area(self, area: Window, cores: list[Window], around_px: int) -> Iterator[Trace]:
        """Trace an area; if its surroundings cannot be read, its cores one by one, without any."""
        outer = _widened(area, around_px, self.cores.size, self.decimation)
        try:
            patch = self.read(outer)
        except Stalled:
            raise
        except Unreadable:
            for core in cores:
                yield from self._trace_patch(self.read(core), core, core)
            return
        yield from self._trace_patch(patch, outer, area)

    def _trace_patch(self, patch: Patch, outer: Window, core: Window) -> Iterator[Trace]:
        """Yield the lines in a core, in px of the image; patch: the pixels of the window `outer`."""
        from crackscan.scanning.lines.tracing import trace_lines

        size = max(round(outer.height / self.scale), 1), max(round(outer.width / self.scale), 1)
        picture = _padded(fit_to(patch.filled(), patch.pixels.shape[:2], size))
        probabilities = self.classifier.line_probabilities(picture)
        if probabilities is None:
            return
        if patch.valid is not None:
            probabilities = _without_gaps(probabilities, patch.valid, size)
        place = _Placement(outer, outer.width / size[1], outer.height / size[0])
        light = picture.mean(axis=2, dtype=np.float32)
        for trace in trace_lines(probabilities, light, place.as_judged(core)):
            yield place.in_image(trace, core)


@dataclass(frozen=True, slots=True)
class _Placement:
    """Where a picture lies in the image, and how many px of the image one of its px is."""

    outer: Window
    across: float
    down: float

    def as_judged(self, window: Window) -> Window:
        """Return a window of the image in px of the picture."""
        inside = grid.relative_to(window, self.outer)
        left, top = round(inside.col / self.across), round(inside.row / self.down)
        right = round((inside.col + inside.width) / self.across)
        bottom = round((inside.row + inside.height) / self.down)
        return Window(left, top, right - left, bottom - top)

    def in_image(self, trace: Trace, core: Window) -> Trace:
        """Return a trace in px of the image, inside its core, to 0.1 px."""
        low, high = (core.col, core.row), (core.col + core.width, core.row + core.height)
        corner, steps = (self.outer.col, self.outer.row), (self.across, self.down)
        points = [
            tuple(
                round(min(max(corner[axis] + point[axis] * steps[axis], low[axis]), high[axis]), 1)
                for axis in (0, 1)
            )
            for point in trace.points
        ]
        step = (self.across + self.down) / 2
        widths = (None if px is None else round(px * step, 2) for px in (trace.width_px, trace.max_width_px))
        return Trace(tuple((col, row) for col, row in points), trace.probability, *widths)


def _at_least(tile: Tile, probability: float) -> bool:
    return tile.probability is not None and tile.probability >= probability


def _widened(area: Window, around_px: int, size: tuple[int, int], decimation: int) -> Window:
    """Return an area with surroundings inside the image, whole steps of the decimation wide if possible."""
    left, top = max(area.col - around_px, 0), max(area.row - around_px, 0)
    right, bottom = area.col + area.width + around_px, area.row + area.height + around_px
    right += -(right - left) % decimation
    bottom += -(bottom - top) % decimation
    return Window(left, top, min(right, size[0]) - left, min(bottom, size[1]) - top)


def _padded(picture: Pixels) -> Pixels:
    """Return a picture with sides that the network takes; what is missing is mirrored."""
    missing = [-length % STRIDE for length in picture.shape[:2]]
    if not any(missing):
        return picture
    return np.pad(picture, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="symmetric")


def _without_gaps(probabilities: Float32s, valid: Mask, size: tuple[int, int]) -> Float32s:
    """Return 0 where there are no data, and near by.

    Args:
        probabilities: of the padded picture.
        valid: of the pixels before they were resized.
        size: height and width of the picture without its padding.
    """
    height, width = (max(ceil(length / LINE_CELL_PX), 1) for length in size)
    gaps = Image.fromarray((~valid).astype(np.uint8) * 255).resize((width, height), Image.Resampling.BOX)
    near = np.asarray(gaps.filter(ImageFilter.MaxFilter(2 * BLIND_CELLS + 1))) > 0
    cleared = probabilities.copy()
    cleared[:height, :width][near[: len(cleared), : cleared.shape[1]]] = 0
    return cleared


def _holds(area: Window, col: int, row: int) -> bool:
    return area.col <= col < area.col + area.width and area.row <= row < area.row + area.height


def _home(trace: Trace, cores: Iterable[Window]) -> Window:
    """Return the core in which a trace begins; it may end at the far border of the last one."""
    col, row = trace.points[0]
    return min(cores, key=lambda core: (_distance(core, col, row), core))


def _distance(core: Window, col: float, row: float) -> float:
    across = max(core.col - col, col - core.col - core.width, 0.0)
    down = max(core.row - row, row - core.row - core.height, 0.0)
    return across + down
