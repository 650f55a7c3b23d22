"""Folders of labelled images: one sub-folder per class, or images/ with masks/."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from natsort import natsort_keygen, ns

from crackscan.basics.errors import BadData, NoInputs
from crackscan.dataset.class_names import ClassNames, class_folder
from crackscan.dataset.records import Example, Problem, UngroupedExample, problems
from crackscan.scanning.sources import Sources, describe_ignored, split_ignored

FORMS = (
    "A dataset is a folder with one sub-folder per class (Positive and Negative, crack and no-crack, "
    "CD and UD; other names with --positive NAME), a folder with images/ and masks/, or a CSV with the "
    "columns path,label. A CSV with the columns data,source,label corrects labels of the other datasets."
)
_natural = natsort_keygen(alg=ns.PATH | ns.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FolderListing:
    """The pictures below a folder, in natural order on every file system."""

    images: dict[str, str]  # source, relative to the folder: path
    problems: tuple[Problem, ...]

    @property
    def folders(self) -> list[str]:
        """The direct sub-folders that hold pictures, in natural order."""
        return list(dict.fromkeys(parts[0] for source in self.images if (parts := _parents(source))))

    def images_below(self, folder: str) -> dict[str, str]:
        """Return the pictures of one direct sub-folder."""
        return {source: path for source, path in self.images.items() if _parents(source)[:1] == (folder,)}


def list_folder(root: Path) -> FolderListing:
    """List the pictures in a folder and its sub-folders, as a scan does, but without hidden ones.

    Raises:
        NoInputs: the folder has no picture.
    """
    files = Sources((str(root),))
    works = [file for file in files if not files.ignores_heatmap(file) and not _is_hidden(file.source)]
    works.sort(key=lambda work: (_natural(work.source), work.source))
    others, system_folders = split_ignored(files.ignored)
    if not any(work.fault is None for work in works):
        ignored_files = f"; {describe_ignored(files.ignored)} were found" if files.ignored else ""
        raise NoInputs(f"{root}: no images{ignored_files}. {FORMS}")
    return FolderListing(
        {work.source: work.path for work in works if work.fault is None},
        (
            *problems("folders that cannot be listed", [work.source for work in works if work.fault]),
            *_problems_of("files that are not pictures, ignored", others),
            *_problems_of("folders that systems make, ignored", system_folders),
        ),
    )


def _problems_of(what: str, counts: Counter[str]) -> Iterator[Problem]:
    if counts:
        yield Problem(
            what, counts.total(), tuple(f"{name} {count:,}" for name, count in counts.most_common(5))
        )


def read_classes(
    listing: FolderListing, dataset: str, names: ClassNames
) -> tuple[list[UngroupedExample], tuple[Problem, ...]]:
    """Label the images by the folders that they lie in.

    Raises:
        BadData: no folder names a class, or two folders above an image contradict each other.
    """
    positive = names.find_positive({name for source in listing.images for name in _parents(source)})
    examples, outside = [], []
    for source, path in listing.images.items():
        folders = _parents(source)
        match = class_folder(folders, positive)
        if match is None:
            outside.append(f"{dataset}/{source}")
            continue
        index, label = match
        example = Example(path, source, label, data=dataset)
        parents = folders[:index] + folders[index + 1 :]
        examples.append(UngroupedExample(example, "/".join(folders[: index + 1]), parents))
    if not examples:
        raise BadData(
            f"{dataset}: {_describe_listing(listing)}; no folder name says crack or no crack. {FORMS}"
        )
    return examples, problems("images outside the class folders, left out", outside)


def _describe_listing(listing: FolderListing) -> str:
    loose = sum(1 for source in listing.images if not _parents(source))
    folders = f"sub-folders {', '.join(listing.folders[:8])}" if listing.folders else "no sub-folders"
    return f"{folders} and {loose:,} images beside them"


def _parents(source: str) -> tuple[str, ...]:
    return PurePosixPath(source).parts[:-1]


def _is_hidden(source: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(source).parts)
