"""Labelled data as people have it becomes examples: class folders, CSV manifests, images with masks."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from crackscan.basics.errors import BadData, NoInputs
from crackscan.dataset.class_names import ClassNames
from crackscan.dataset.corrections import Corrections, is_corrections
from crackscan.dataset.folders import FORMS, list_folder, read_classes
from crackscan.dataset.grouping import Grouping
from crackscan.dataset.manifest import read_manifest
from crackscan.dataset.masks import MIN_CRACK_PX, MaskedTiles, mask_folders
from crackscan.dataset.records import Example, FoundImages, LabelledData, Problem, Split

__all__ = ["MIN_CRACK_PX", "Example", "LabelledData", "Problem", "Split", "load_examples"]

TILE_PX = 224  # the model's input: masks are cut at the scale that scanning reads at


def load_examples(
    data: Sequence[Path],
    *,
    positive: str | None = None,
    group_by: str | Sequence[str] | None = None,
    block: int | None = None,
    block_gap: int = 0,
    min_crack_px: int = MIN_CRACK_PX,
    tile_px: int = TILE_PX,
) -> LabelledData:
    """Find the labelled images of one or several DATA; what form each has is told by what is in it.

    Args:
        data: folders and CSV manifests, and CSVs of corrected labels.
        positive: the folder or label that means a crack, where names do not say so; all others mean none.
        group_by: the rule or rules of `Grouping`.
        block: group so many in a row.
        block_gap: leave out the last so many of each block.
        min_crack_px: so many pixels of a mask make a tile a crack; tiles with fewer, but some, are left out.
        tile_px: the side of the tiles that images with masks are cut into.

    Raises:
        NoInputs: there is no image, or a DATA does not exist.
        BadData: a DATA has no form that is known, names contradict each other, or there is one class only.
    """
    rules = [group_by] if isinstance(group_by, str) else group_by or ()
    grouping = Grouping(rules, block=block, gap=block_gap)
    classes = ClassNames(positive)
    corrected = [path for path in data if is_corrections(path)]
    images = [path for path in data if path not in corrected]
    corrections = Corrections(corrected)
    names = _unique_names(images)
    examples: list[Example] = []
    problems: list[Problem] = []
    for path, name in zip(images, names, strict=True):
        found, left_out = _read(
            path, name, classes, MaskedTiles(name, tile_px=tile_px, min_crack_px=min_crack_px)
        )
        grouped, gaps = grouping.group(corrections.correct(found), name, names=names)
        examples += grouped
        problems += (*left_out, *gaps)
    problems += corrections.problems(names)
    classes.check_met()
    grouping.check_used(examples)
    _check_both_classes(examples, problems)
    return LabelledData(tuple(examples), tuple(problems))


def _read(
    path: Path, name: str, classes: ClassNames, tiles: MaskedTiles
) -> tuple[list[FoundImages], tuple[Problem, ...]]:
    """Read one DATA in whatever form it has."""
    if not path.exists():
        raise NoInputs(f"{path}: no such folder or file. {FORMS}")
    if path.suffix.lower() == ".csv":
        return read_manifest(path, name, classes), ()
    if not path.is_dir():
        raise BadData(f"{path}: neither a folder nor a CSV. {FORMS}")
    listing = list_folder(path)
    if masked := mask_folders(listing.folders):
        images, masks = masked
        found = tiles.cut(listing.below(images), listing.below(masks))
        return found, (*listing.problems, *tiles.problems())
    found, outside = read_classes(listing, name, classes)
    return found, (*listing.problems, *outside)


def _unique_names(data: Sequence[Path]) -> list[str]:
    """Name each DATA by its last part, and tell those of the same name apart by a number."""
    met: Counter[str] = Counter()
    names = []
    for path in data:
        name = path.resolve().name
        met[name] += 1
        names.append(name if met[name] == 1 else f"{name}-{met[name]}")
    return names


def _check_both_classes(examples: Sequence[Example], problems: Sequence[Problem]) -> None:
    if not examples:
        raise NoInputs(f"No labelled image is left. {' '.join(map(str, problems))}")
    counts = Counter(example.class_name for example in examples)
    if len(counts) == 1:
        (only, count), *_ = counts.items()
        other = "no-crack" if only == "crack" else "crack"
        raise BadData(
            f"All {count:,} images are {only}, such as {examples[0].name}: give images of {other} too, "
            "or name the folder or label of the cracks with --positive NAME."
        )
