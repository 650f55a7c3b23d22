"""Labels of rows: a tile's follows from its probability, a photo's from those of all its tiles.

They are separate from inference, so that the rows of a journal get new labels without reading pixels.
"""

from dataclasses import replace

from crackscan.basics.records import Label, Result, ScanOptions
from crackscan.scanning import photo_decision


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
