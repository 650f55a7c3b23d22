"""Folders of labelled images: one sub-folder a class, or images/ with masks/."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from natsort import natsort_keygen, ns

from crackscan.basics.errors import BadData, NoInputs
from crackscan.dataset.class_names import ClassNames, class_folder
from crackscan.dataset.records import Example, FoundImages, Problem, problems
from crackscan.scanning.sources import Sources, describe_ignored

FORMS = (
    "Labelled data is a folder with one sub-folder a class (Positive and Negative, crack and no-crack, "
    "CD and UD; other names with --positive NAME), a folder with images/ and masks/, "
    "or a CSV with the columns path,label; a CSV with the columns data,source,label corrects labels of these."
)
_natural = natsort_keygen(alg=ns.PATH | ns.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FolderListing:
    """The pictures below a folder, in natural order whatever the file system's."""

    images: dict[str, str]  # from the source, relative to the folder, to the path
    problems: tuple[Problem, ...]

    @property
    def folders(self) -> list[str]:
        """The folders directly below that hold pictures, in natural order."""
        return list(dict.fromkeys(parts[0] for source in self.images if (parts := _folders(source))))

    def below(self, folder: str) -> dict[str, str]:
        """Return the pictures of one such folder."""
        return {source: path for source, path in self.images.items() if _folders(source)[:1] == (folder,)}


def list_folder(root: Path) -> FolderListing:
    """List a folder and all below it, as a scan would, less what is hidden.

    Raises:
        NoInputs: there is no picture.
    """
    files = Sources((str(root),))
    works = [file for file in files if not files.ignores_heatmap(file) and not _hidden(file.source)]
    works.sort(key=lambda work: (_natural(work.source), work.source))
    others = files.ignored
    if not any(work.fault is None for work in works):
        found = f"; {describe_ignored(others)} were found" if others else ""
        raise NoInputs(f"{root}: no images{found}. {FORMS}")
    ignored = tuple(f"{ending} {count:,}" for ending, count in others.most_common(5))
    return FolderListing(
        {work.source: work.path for work in works if work.fault is None},
        (
            *problems("folders that cannot be listed", [work.source for work in works if work.fault]),
            *([Problem("files that are no pictures, ignored", others.total(), ignored)] if others else ()),
        ),
    )


def read_classes(
    listing: FolderListing, data: str, names: ClassNames
) -> tuple[list[FoundImages], tuple[Problem, ...]]:
    """Label the images by the folders that they lie in.

    Raises:
        BadData: no folder is a class, or two on the way to an image contradict each other.
    """
    positive = names.positive_among({name for source in listing.images for name in _folders(source)})
    found, outside = [], []
    for source, path in listing.images.items():
        folders = _folders(source)
        labelled = class_folder(folders, positive)
        if labelled is None:
            outside.append(f"{data}/{source}")
            continue
        place, label = labelled
        example = Example(path, source, label, data=data)
        found.append(
            FoundImages(example, "/".join(folders[: place + 1]), folders[:place] + folders[place + 1 :])
        )
    if not found:
        raise BadData(f"{data}: {_what_is_there(listing)}, and none of it says crack or no crack. {FORMS}")
    return found, problems("images outside the class folders, left out", outside)


def _what_is_there(listing: FolderListing) -> str:
    loose = sum(1 for source in listing.images if not _folders(source))
    folders = f"sub-folders {', '.join(listing.folders[:8])}" if listing.folders else "no sub-folders"
    return f"{folders} and {loose:,} images beside them"


def _folders(source: str) -> tuple[str, ...]:
    return PurePosixPath(source).parts[:-1]


def _hidden(source: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(source).parts)
