"""What a row is called at a threshold: by its probability, a photo by those of all its tiles.

Apart from judging, so that rows of a journal can be called anew without their pixels.
"""

from dataclasses import replace

from crackscan.basics.records import Label, Result, ScanOptions
from crackscan.scanning import photo_decision


def label_row(row: Result, options: ScanOptions) -> Result:
    """Return a row with its label, and with how many tiles of a photo are cracked.

    The rounded probability, which the row shows, decides. What was not assessed has no label.
    """
    if row.status != "ok":
        return row
    if row.kind == "tile":
        label = _label(cracked=(row.probability or 0.0) >= options.threshold)
        return row if row.label == label else replace(row, label=label)
    limit = photo_decision.mass_limit(options.photo_limits, len(row.judged))
    label = _label(cracked=_evidence(row, options) >= limit)
    cracked = sum(probability >= options.threshold for _, probability in row.judged)
    same = (row.label, row.crack_tiles) == (label, cracked)
    return row if same else replace(row, label=label, crack_tiles=cracked)


def _evidence(photo: Result, options: ScanOptions) -> float:
    return photo_decision.cluster_mass(
        [window for window, _ in photo.judged],
        [probability for _, probability in photo.judged],
        threshold=options.threshold,
        tile_px=options.tile_px,
        overlap=options.overlap,
    )


def _label(*, cracked: bool) -> Label:
    return "crack" if cracked else "no-crack"
