"""Loading of labelled data: class folders, CSV manifests and images with masks become examples."""

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
from crackscan.dataset.records import Example, LabelledData, Problem, Split, UngroupedExample

__all__ = ["MIN_CRACK_PX", "Example", "LabelledData", "Problem", "Split", "load_examples"]

TILE_PX = 224  # the model's input: images with masks are cut at the scale of a scan


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
    """Load the labelled images of one or several datasets; the form of each is recognised by its content.

    Args:
        data: folders and CSV manifests, and CSVs of corrected labels.
        positive: the folder or label that means a crack, where names do not say so; all others mean none.
        group_by: the rule or rules of `Grouping`.
        block: number of images in a row that make a group.
        block_gap: number of images left out at the end of each block.
        min_crack_px: mask pixels that make a tile a crack; tiles with fewer pixels, but some, are left out.
        tile_px: the side of the tiles that images with masks are cut into.

    Raises:
        NoInputs: there is no image, or a dataset does not exist.
        BadData: a dataset has an unknown form, names contradict each other, or there is only one class.
    """
    rules = [group_by] if isinstance(group_by, str) else group_by or ()
    grouping = Grouping(rules, block=block, gap=block_gap)
    classes = ClassNames(positive)
    correction_files = [path for path in data if is_corrections(path)]
    datasets = [path for path in data if path not in correction_files]
    corrections = Corrections(correction_files)
    names = _unique_names(datasets)
    examples: list[Example] = []
    problems: list[Problem] = []
    for path, name in zip(datasets, names, strict=True):
        tiles = MaskedTiles(name, tile_px=tile_px, min_crack_px=min_crack_px)
        ungrouped, left_out = _read_dataset(path, name, classes, tiles)
        grouped, gaps = grouping.group(corrections.correct(ungrouped), name, names=names)
        examples += corrections.leave_out(grouped)
        problems += (*left_out, *gaps)
    problems += corrections.problems(names)
    classes.check_positive_occurred()
    grouping.check_used(examples)
    _check_both_classes(examples, problems)
    return LabelledData(tuple(examples), tuple(problems))


def _read_dataset(
    path: Path, name: str, classes: ClassNames, tiles: MaskedTiles
) -> tuple[list[UngroupedExample], tuple[Problem, ...]]:
    """Read one dataset of any form."""
    if not path.exists():
        raise NoInputs(f"{path}: no such folder or file. {FORMS}")
    if path.suffix.lower() == ".csv":
        return read_manifest(path, name, classes), ()
    if not path.is_dir():
        raise BadData(f"{path}: neither a folder nor a CSV. {FORMS}")
    listing = list_folder(path)
    if masked := mask_folders(listing.folders):
        images, masks = masked
        examples = tiles.cut(listing.images_below(images), listing.images_below(masks))
        return examples, (*listing.problems, *tiles.problems())
    examples, outside = read_classes(listing, name, classes)
    return examples, (*listing.problems, *outside)


def _unique_names(datasets: Sequence[Path]) -> list[str]:
    """Name each dataset by the last part of its path, and number those that have the same name."""
    counts: Counter[str] = Counter()
    names = []
    for path in datasets:
        name = path.resolve().name
        counts[name] += 1
        names.append(name if counts[name] == 1 else f"{name}-{counts[name]}")
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
