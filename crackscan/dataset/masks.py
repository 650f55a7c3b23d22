"""Photos with masks of their cracks: they are cut into tiles, and the mask gives each tile its label."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath

from crackscan.basics import grid
from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import Window
from crackscan.dataset.records import Example, Problem, Split, UngroupedExample, problems
from crackscan.reading import Mask, read_mask, read_photo

IMAGES, MASKS = "images", "masks"  # the two folders of such a dataset, in upper or lower case

# A hairline one pixel wide across a quarter of a tile. Tiles with fewer pixels show only the tip of a crack
# in the next tile, and nobody could label them: 21 of uav-crack's 984 tiles.
MIN_CRACK_PX = 50


@dataclass(frozen=True, slots=True)
class MaskedPhoto:
    """A whole photo whose mask shows where its cracks are."""

    path: str
    mask: str  # path of the mask, upright and as large as the photo
    source: str
    data: str
    group: str
    split: Split | None
    cracked: bool  # whether a tile of it is cracked

    def read(self) -> tuple[Pixels, Mask]:
        """Return its pixels, uint8 (height, width, 3), and which of them are cracks.

        Raises:
            Unreadable: the photo or the mask could be read when the data was loaded, but not now.
        """
        return read_photo(self.path).patch.filled(), read_mask(self.mask)


class MaskedTiles:
    """Cutter of photos with masks into labelled tiles; it collects the names of what it leaves out."""

    def __init__(self, dataset: str, *, tile_px: int, min_crack_px: int) -> None:
        self.dataset, self.tile_px, self.min_crack_px = dataset, tile_px, min_crack_px
        self._without_mask: list[str] = []
        self._unusable: list[str] = []
        self._few_crack_px: list[str] = []

    def cut(self, images: Mapping[str, str], masks: Mapping[str, str]) -> list[UngroupedExample]:
        """Cut the images, in their order; both map a source to its path, and pairs have the same stem."""
        mask_paths = {_stem(source): path for source, path in masks.items()}
        pairs = []
        for source, path in images.items():
            if mask_path := mask_paths.get(_stem(source)):
                pairs.append((source, path, mask_path))
            else:
                self._without_mask.append(f"{self.dataset}/{source}")
        with ThreadPoolExecutor() as pool:
            outcomes = pool.map(lambda pair: _read_matching_mask(pair[1], pair[2]), pairs)
            return [
                UngroupedExample(example, parents=PurePosixPath(source).parts[1:-1])
                for (source, path, mask_path), mask in zip(pairs, outcomes, strict=True)
                for example in self._tiles(source, path, mask_path, mask)
            ]

    def problems(self) -> tuple[Problem, ...]:
        """Return what was left out."""
        few = f"tiles with 1 to {self.min_crack_px - 1} crack pixels, left out"
        return (
            *problems("images without a mask, left out", self._without_mask),
            *problems("images that do not fit their mask, left out", self._unusable),
            *problems(few, self._few_crack_px),
        )

    def _tiles(self, source: str, path: str, mask_path: str, mask: Mask | str) -> Iterator[Example]:
        if isinstance(mask, str):
            self._unusable.append(f"{self.dataset}/{source} ({mask})")
            return
        height, width = mask.shape
        for window in grid.windows(width, height, tile_px=self.tile_px):
            pixels = count_crack_px(mask, window)
            example = Example(path, source, pixels > 0, window, data=self.dataset, mask=mask_path)
            if 0 < pixels < self.min_crack_px:
                self._few_crack_px.append(example.name)
            else:
                yield example


def masked_photos(examples: Iterable[Example]) -> tuple[MaskedPhoto, ...]:
    """Return the photos with masks that the examples are tiles of, in their order."""
    tiles: dict[str, list[Example]] = {}
    for example in examples:
        if example.mask is not None:
            tiles.setdefault(example.path, []).append(example)
    return tuple(
        MaskedPhoto(
            path=path,
            mask=own[0].mask or "",
            source=own[0].source,
            data=own[0].data,
            group=own[0].group or f"{own[0].data}/{own[0].source}",
            split=own[0].split,
            cracked=any(tile.label for tile in own),
        )
        for path, own in tiles.items()
    )


def mask_folders(folders: Sequence[str]) -> tuple[str, str] | None:
    """Return the folders of the images and of the masks, None if the dataset does not have both."""
    names = {name.lower(): name for name in folders}
    return (names[IMAGES], names[MASKS]) if {IMAGES, MASKS} <= names.keys() else None


def _stem(source: str) -> str:
    """Return the path below images/ or masks/, without its ending: an image and its mask share it."""
    return PurePosixPath(*PurePosixPath(source).parts[1:]).with_suffix("").as_posix()


def _read_matching_mask(path: str, mask_path: str) -> Mask | str:
    """Return the mask of an image, or why it cannot be used."""
    try:
        mask = read_mask(mask_path)
        width, height = read_photo(path).size
    except Unreadable as error:
        return str(error)
    if mask.shape != (height, width):
        return f"{width} x {height} px, its mask {mask.shape[1]} x {mask.shape[0]}"
    return mask


def count_crack_px(mask: Mask, window: Window) -> int:
    """Count the crack pixels of a window."""
    part = mask[window.row : window.row + window.height, window.col : window.col + window.width]
    return int(part.sum())
