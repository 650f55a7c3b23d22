"""Repeats: findings that look alike at the same place of many photos, such as a smudge on the lens.

A crack is at another place in each photo. What is at the same window of photos of the same size, and looks
the same there, belongs to the camera or its frame, or the photos show one spot again and again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from PIL import Image

from crackscan.basics.arrays import Float64s, Pixels
from crackscan.review.survey import SurveyRows

FEWEST = 3  # photos with the same finding
MOST_LOOKED_AT = 300  # findings whose pictures are compared: each photo must be decoded
SIDE = 24  # px of a picture as it is compared: cracks of one pixel vanish, smudges stay
ALIKE = 0.75  # correlation of brightness; pictures of different cracks mostly stay below 0.5

Place = tuple[int, ...]  # size of the source and window in it


def find_repeats(
    survey: SurveyRows, called: Iterable[int], read: Callable[[int], Pixels | None]
) -> list[list[int]]:
    """Return groups of rows that look alike at the same place, the largest group first.

    Args:
        survey: the rows.
        called: numbers of the rows that are called cracked.
        read: returns the pixels of a row's window; None: they cannot be read.
    """
    places: dict[Place, list[int]] = defaultdict(list)
    for number in called:
        record = survey.records[number]
        size = survey.sizes[int(record["source"])]
        places[(*size, *(int(record[name]) for name in ("col", "row", "width", "height")))].append(number)
    groups, looked_at = list[list[int]](), 0
    for rows in sorted(places.values(), key=lambda rows: (-len(rows), rows)):
        if _count_sources(survey, rows) < FEWEST or looked_at >= MOST_LOOKED_AT:
            continue
        compared = rows[: MOST_LOOKED_AT - looked_at]
        looked_at += len(compared)
        pictures = {row: _brightness(pixels) for row in compared if (pixels := read(row)) is not None}
        alike = _alike(pictures)
        groups += [group for group in alike if _count_sources(survey, group) >= FEWEST]
    return sorted(groups, key=lambda group: (-len(group), group))


def _count_sources(survey: SurveyRows, rows: Sequence[int]) -> int:
    return len({int(survey.records[row]["source"]) for row in rows})


def _alike(pictures: Mapping[int, Float64s]) -> list[list[int]]:
    """Put each row (number: picture) into the first group whose first picture it is like."""
    groups: list[tuple[Float64s, list[int]]] = []
    for row, picture in pictures.items():
        own = next((group for first, group in groups if float((first * picture).mean()) >= ALIKE), None)
        if own is None:
            groups.append((picture, [row]))
        else:
            own.append(row)
    return [group for _, group in groups]


def _brightness(pixels: Pixels) -> Float64s:
    """Return a window as a small grey picture with mean 0 and variance 1; an even one is all 0.

    Returns: float64, shape (SIDE, SIDE).
    """
    small = Image.fromarray(pixels).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    values = np.asarray(small, np.float64)
    spread = values.std()
    return np.zeros_like(values) if spread < 1 else (values - values.mean()) / spread
