"""Labels of rows: a tile's follows from its probability, a photo's from those of all its tiles.

They are separate from inference, so that the rows of a journal get new labels without reading pixels.
"""

from dataclasses import replace

from crackscan.basics.records import Label, Result, ScanOptions
from crackscan.scanning import photo_decision

STEPS = 1000  # of a photo's highest threshold, from 0 to 1


def label_row(row: Result, options: ScanOptions) -> Result:
    """Return a row with its label; a photo's row also gets the number of its cracked tiles.

    The rounded probability, which the row shows, decides. A row that was not assessed gets no label.
    """
    if row.status != "ok":
        return row
    threshold = options.rows.threshold
    if row.kind == "tile":
        return replace(row, label=_label(cracked=(row.probability or 0.0) >= threshold))
    limit = photo_decision.mass_limit(options.rows.photo_limits, len(row.judged))
    return replace(
        row,
        label=_label(cracked=_cluster_mass(row, options) >= limit),
        crack_tiles=sum(probability >= threshold for _, probability in row.judged),
    )


def cracked_up_to(row: Result, options: ScanOptions) -> float | None:
    """Return the highest threshold, 0..1, at which a row is called cracked; None: it was not assessed.

    For a tile that is its probability. For a photo it is searched in steps: a higher threshold never calls
    more photos cracked. At the threshold of the options the answer agrees with the row's label.
    """
    if row.status != "ok":
        return None
    if row.kind == "tile":
        return row.probability
    low, high = 0, STEPS + 1  # cracked at `low`, if at all, and not at `high`
    while high - low > 1:
        middle = (low + high) // 2
        if label_row(row, options.with_rows(threshold=middle / STEPS)).label == "crack":
            low = middle
        else:
            high = middle
    threshold = options.rows.threshold
    if label_row(row, options).label == "crack":
        return max(low / STEPS, threshold)
    return min(low / STEPS, max(threshold - 1 / STEPS, 0.0))


def _cluster_mass(photo: Result, options: ScanOptions) -> float:
    return photo_decision.cluster_mass(
        [window for window, _ in photo.judged],
        [probability for _, probability in photo.judged],
        threshold=options.rows.threshold,
        tile_px=options.tiles.tile_px,
        overlap=options.tiles.overlap,
    )


def _label(*, cracked: bool) -> Label:
    return "crack" if cracked else "no-crack"
