"""Out-of-distribution detection of a model folder: its detector, and its limit."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from crackscan.basics.arrays import Float32s, Pixels, evenly_spaced
from crackscan.basics.errors import BadData, BrokenModel, Unreadable
from crackscan.basics.progress import Progress
from crackscan.dataset.not_concrete import NotConcrete
from crackscan.dataset.records import Example, LabelledData
from crackscan.model.card import CARD, OOD_FILE, Card
from crackscan.model.card_records import OODLimit
from crackscan.model.loading import find_model
from crackscan.model.ood import OODDetector
from crackscan.reading import read_tile
from crackscan.training.model_folder.folder import ModelFolder
from crackscan.training.model_folder.ood_fit import Figures, FiguresBuilder, fit_detector
from crackscan.training.samples.subsets import Subsets

MAX_TILES = 128  # of each class of each dataset, evenly spaced: few say how concrete looks
MAX_LOST = 0.01  # share of concrete that may be unfamiliar
KINDS_FOR_EXCEPTION = 8  # classes of datasets; one odd dataset shall not switch the detection off
PHASE = "out-of-distribution limit"
FITTED_RULE = (
    "the smallest at which detectors fitted without a dataset call at most 1 % of its cracked and 1 % of its "
    "uncracked tiles unfamiliar in any light, but for the kind of tiles that needs the highest limit"
)
COPIED_RULE = "that of {model}, with its detector, which looks at pixels alone: {rule}"
UNSEEN_RULE = "{rule}; raised for the images of --unseen, of which at most 1 % of either class are lost"


def add_ood(folder: ModelFolder, subsets: Subsets, weights: Path | None, *, progress: Progress) -> None:
    """Fit a detector to the training tiles and to pictures of other things, or copy one if there are none.

    weights: the file that the training began with.

    Raises: BadData: as `fit_ood` and `raise_limit`.
    """
    data, train = subsets.data, subsets.train
    if data.not_concrete:
        concrete = FiguresBuilder(folder.card.seed, is_concrete=True)
        kinds = 2 * train.datasets + train.labels
        for kind in np.unique(kinds):
            own = np.flatnonzero(kinds == kind)
            name, label = subsets.names[kind // 2], "crack" if kind % 2 else "no-crack"
            for tile in train.select(own[evenly_spaced(len(own), MAX_TILES)]).tiles():
                concrete.add(name, label, tile)
        fit_ood(folder, concrete, data.not_concrete, progress=progress)
    else:
        copy_ood(folder, weights, progress=progress)
    raise_limit(folder, data.unseen, progress=progress)


def change_ood(folder: ModelFolder, data: LabelledData, others: NotConcrete, *, progress: Progress) -> None:
    """Fit a detector for a finished model folder; nothing else of the model changes.

    data: concrete of two or more datasets; at most MAX_TILES images of each class of each are read.

    Raises: BadData: as `fit_ood`.
    """
    card, kinds = folder.card, dict[tuple[str, bool], list[Example]]()
    for example in data.examples:
        kinds.setdefault((example.data, example.label), []).append(example)
    chosen = [kind[index] for kind in kinds.values() for index in evenly_spaced(len(kind), MAX_TILES)]
    progress.phase("concrete in other lights", len(chosen))
    concrete = FiguresBuilder(card.seed, is_concrete=True)
    for example, tile in _read_tiles(chosen, input_px=card.input_px, progress=progress):
        concrete.add(example.data, example.class_name, tile)
    with folder.edit() as copy:
        fit_ood(copy, concrete, others, progress=progress)


def fit_ood(
    folder: ModelFolder, concrete: FiguresBuilder, others: NotConcrete, *, progress: Progress
) -> None:
    """Write a detector into the folder, and put its limit onto the card.

    concrete: with the tiles of two or more datasets; each is left out once.

    Raises:
        BadData: there is one dataset of concrete only, or no picture of other things could be read.
    """
    progress.phase(PHASE, len(others))
    builder = FiguresBuilder(folder.card.seed, is_concrete=False)
    for tile in others.tiles(tile_px=folder.card.input_px, progress=progress):
        builder.add(tile.source, tile.kind, tile.pixels)
    known, strange = concrete.finish(), builder.finish()
    _check(known, strange)
    limit = measure_limit(known, strange, progress=progress)
    _write(folder, fit_detector(known, strange), limit)


def copy_ood(folder: ModelFolder, weights: Path | None, *, progress: Progress) -> None:
    """Copy the detector and limit of the model that the weights come from, or else of the shipped model.

    It looks at pixels alone, so it suits any model.

    weights: the file that the training began with.
    """
    try:
        source = weights.parent if weights and (weights.parent / CARD).is_file() else find_model()
        card, detector = Card.read(source), OODDetector.load(source / OOD_FILE)
    except BrokenModel as error:
        progress.note(f"No tile will be unfamiliar, because there is no model to copy that from. {error}")
        return
    if card.familiarity is not None:
        rule = card.familiarity.rule
        if not rule.startswith(COPIED_RULE[:8]):
            rule = COPIED_RULE.format(model=card.name, rule=rule)
        _write(folder, detector, replace(card.familiarity, rule=rule))


def raise_limit(folder: ModelFolder, unseen: Sequence[Example], *, progress: Progress) -> None:
    """Raise the limit so that few of the images of `--unseen` are lost, and put onto the card how many are.

    Raises:
        BadData: none of them can be read.
    """
    limit = folder.card.familiarity
    if not unseen or limit is None:
        return
    progress.phase(PHASE, len(unseen))
    detector, found = OODDetector.load(folder.path / OOD_FILE), dict[str, list[float]]()
    for example, tile in _read_tiles(unseen, input_px=folder.card.input_px, progress=progress):
        name = f"{example.data}, {example.class_name}"
        found.setdefault(name, []).append(float(detector.distances(tile[np.newaxis])[0]))
    if not found:
        raise BadData("None of the images of --unseen can be read; give photos of concrete.")
    distances = {name: np.array(values, np.float32) for name, values in found.items()}
    needed = _round_up(max(map(_needed, distances.values())))
    if needed > limit.limit:
        limit = replace(limit, limit=needed, rule=UNSEEN_RULE.format(rule=limit.rule))
    tiles = {name: len(values) for name, values in distances.items()}
    lost = {name: float((values > limit.limit).mean()) for name, values in distances.items()}
    limit = replace(limit, tiles={**limit.tiles, **tiles}, lost={**limit.lost, **lost})
    folder.card = replace(folder.card, familiarity=limit)


def _read_tiles(
    examples: Iterable[Example], *, input_px: int, progress: Progress
) -> Iterator[tuple[Example, Pixels]]:
    """Yield examples with their tiles, uint8 (s, s, 3); those that cannot be read are left out."""
    for example in examples:
        with suppress(Unreadable):
            yield example, read_tile(example.path, example.window, input_px=input_px)
        progress.advance()


def measure_limit(concrete: Sequence[Figures], others: Sequence[Figures], *, progress: Progress) -> OODLimit:
    """Find the limit, and measure what it costs and gives, always by detectors fitted without the tiles."""
    datasets, pictures = ({one.group: None for one in figures} for figures in (concrete, others))
    progress.phase("detectors without one dataset or picture", len(datasets) + len(pictures))
    natural, worst = _leave_out_datasets(list(datasets), concrete, others, progress)
    limit = _round_up(_limit_losing_few(list(worst.values())))
    caught = _leave_out_pictures(list(pictures), concrete, others, progress)
    return OODLimit(
        limit=limit,
        rule=FITTED_RULE,
        tiles={name: len(values) for name, values in natural.items()},
        lost={name: _share_beyond(values, limit) for name, values in natural.items()},
        lost_at_worst={
            name: max(_share_beyond(values, limit) for values in lights) for name, lights in worst.items()
        },
        others={kind: len(values) for kind, values in caught.items()},
        caught={kind: _share_beyond(values, limit) for kind, values in caught.items()},
    )


def _leave_out_datasets(
    datasets: Sequence[str], concrete: Sequence[Figures], others: Sequence[Figures], progress: Progress
) -> tuple[dict[str, Float32s], dict[str, list[Float32s]]]:
    """Return the distances of each dataset and class: as it is, and in each light, that as it is included."""
    natural, lights = dict[str, Float32s](), dict[str, list[Float32s]]()
    for group in datasets:
        detector = fit_detector([one for one in concrete if one.group != group], others)
        for figures in (one for one in concrete if one.group == group):
            name = f"{group}, {figures.kind}"
            natural[name] = detector.distances_of(figures.natural)
            lights[name] = [natural[name], *map(detector.distances_of, figures.casts)]
        progress.advance()
    return natural, lights


def _leave_out_pictures(
    pictures: Sequence[str], concrete: Sequence[Figures], others: Sequence[Figures], progress: Progress
) -> dict[str, Float32s]:
    """Return the distances of each kind of other things; of one picture alone nothing can be left out."""
    found: dict[str, list[Float32s]] = {}
    for group in pictures if len(pictures) > 1 else ():
        detector = fit_detector(concrete, [one for one in others if one.group != group])
        for figures in (one for one in others if one.group == group):
            found.setdefault(figures.kind, []).append(detector.distances_of(figures.natural))
        progress.advance()
    return {kind: np.concatenate(parts) for kind, parts in sorted(found.items())}


def _limit_losing_few(kinds: Sequence[Sequence[Float32s]]) -> float:
    """Return the smallest limit at which at most MAX_LOST of all kinds but the worst are lost in any light.

    kinds: the distances of each dataset and class in each light.
    """
    needed = sorted(max(map(_needed, lights)) for lights in kinds)
    return needed[-2] if len(needed) >= KINDS_FOR_EXCEPTION else needed[-1]


def _needed(distances: Float32s) -> float:
    """Return the limit at which at most MAX_LOST of the tiles are lost."""
    return float(np.quantile(distances, 1 - MAX_LOST, method="higher"))


def _round_up(limit: float) -> float:
    return math.ceil(1000 * limit) / 1000  # three decimals, as in rows


def _share_beyond(distances: Float32s, limit: float) -> float:
    return float((distances > limit).mean())


def _check(concrete: Sequence[Figures], others: Sequence[Figures]) -> None:
    datasets = list(dict.fromkeys(figures.group for figures in concrete))
    if len(datasets) < 2:
        raise BadData(
            f"--not-concrete: there is concrete of {' and '.join(datasets) or 'no dataset'} only, and what "
            "other concrete looks like cannot be learned from that; give two datasets or more."
        )
    if not others:
        raise BadData("--not-concrete: no tile is left; give photos of grass, water, sky and the like.")


def _write(folder: ModelFolder, detector: OODDetector, limit: OODLimit) -> None:
    detector.save(folder.path / OOD_FILE)
    folder.update_digest(OOD_FILE)
    folder.card = replace(folder.card, familiarity=limit)
