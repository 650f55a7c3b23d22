"""Labels of windows, as verdicts on rows give them."""

from collections.abc import Iterable, Mapping

from crackscan.basics.records import Result, Window
from crackscan.review.verdicts import Opinion, Point, agree


def labelled_windows(row: Result, opinions: Mapping[str, Opinion]) -> dict[Window, bool]:
    """Return the windows of a row about which people agree, and whether they are cracked.

    A verdict on a photo is about its marked window; a missed crack, about the tile in which it was clicked.
    A row on which people disagree has none.
    """
    agreement = agree(opinions)
    if agreement is None or agreement.cracked is None or row.window is None:
        return {}
    if row.kind != "photo":
        return {row.window: agreement.cracked}
    windows = {
        window: True
        for opinion in opinions.values()
        for point in opinion.missed
        if (window := _window_at(point, (window for window, _ in row.judged)))
    }
    verdicts = {opinion.verdict for opinion in opinions.values()} & {"crack", "no-crack"}
    if len(verdicts) == 1 and row.window not in windows:
        windows[row.window] = "crack" in verdicts
    return windows


def _window_at(point: Point, windows: Iterable[Window]) -> Window | None:
    """Return the window that has a point nearest to its middle; None: no window holds it."""

    def distance(window: Window) -> float:
        across = abs(point[0] - window.col - window.width / 2) / window.width
        return max(across, abs(point[1] - window.row - window.height / 2) / window.height)

    nearest = min(windows, key=distance, default=None)
    return nearest if nearest is not None and distance(nearest) <= 0.5 else None
