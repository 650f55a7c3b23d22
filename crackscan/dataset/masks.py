"""Photos with a mask of their cracks, cut into tiles whose label the mask gives."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from crackscan.basics import grid
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import Window
from crackscan.dataset.records import Example, FoundImages, Problem, problems
from crackscan.reading import Mask, read_mask, read_photo

IMAGES, MASKS = "images", "masks"  # the two folders of such DATA, in any case

# A hairline one pixel wide across a quarter of a tile. Tiles with fewer pixels hold but the tip of a crack
# that goes on next door, which nobody could call: 21 of uav-crack's 984 tiles.
MIN_CRACK_PX = 50


class MaskedTiles:
    """Cuts photos with masks into labelled tiles, and counts what it leaves out."""

    def __init__(self, data: str, *, tile_px: int, min_crack_px: int) -> None:
        self.data, self.tile_px, self.min_crack_px = data, tile_px, min_crack_px
        self._without: list[str] = []
        self._broken: list[str] = []
        self._doubtful: list[str] = []

    def cut(self, images: Mapping[str, str], masks: Mapping[str, str]) -> list[FoundImages]:
        """Cut the images, in their order; both map a source to its path, and share their stems."""
        mask_paths = {_stem(source): path for source, path in masks.items()}
        pairs = []
        for source, path in images.items():
            if mask_path := mask_paths.get(_stem(source)):
                pairs.append((source, path, mask_path))
            else:
                self._without.append(f"{self.data}/{source}")
        with ThreadPoolExecutor() as pool:
            outcomes = pool.map(lambda pair: _mask_of(pair[1], pair[2]), pairs)
            return [
                FoundImages(example, place=PurePosixPath(source).parts[1:-1])
                for (source, path, mask_path), mask in zip(pairs, outcomes, strict=True)
                for example in self._tiles(source, path, mask_path, mask)
            ]

    def problems(self) -> tuple[Problem, ...]:
        """Return what was left out."""
        few = f"tiles with 1 to {self.min_crack_px - 1} crack pixels, left out"
        return (
            *problems("images without a mask, left out", self._without),
            *problems("images that do not go with their mask, left out", self._broken),
            *problems(few, self._doubtful),
        )

    def _tiles(self, source: str, path: str, mask_path: str, mask: Mask | str) -> Iterator[Example]:
        if isinstance(mask, str):
            self._broken.append(f"{self.data}/{source} ({mask})")
            return
        height, width = mask.shape
        for window in grid.windows(width, height, tile_px=self.tile_px):
            found = crack_px(mask, window)
            example = Example(path, source, found > 0, window, data=self.data, mask=mask_path)
            if 0 < found < self.min_crack_px:
                self._doubtful.append(example.name)
            else:
                yield example


def mask_folders(folders: Sequence[str]) -> tuple[str, str] | None:
    """Return which of the folders hold images and masks, None if it is not that kind of DATA."""
    names = {name.lower(): name for name in folders}
    return (names[IMAGES], names[MASKS]) if {IMAGES, MASKS} <= names.keys() else None


def _stem(source: str) -> str:
    """Return what an image and its mask share: the path below images/ or masks/, without its ending."""
    return PurePosixPath(*PurePosixPath(source).parts[1:]).with_suffix("").as_posix()


def _mask_of(path: str, mask_path: str) -> Mask | str:
    """Return an image's mask, or why it is of no use."""
    try:
        mask = read_mask(mask_path)
        width, height = read_photo(path).size
    except Unreadable as error:
        return str(error)
    if mask.shape != (height, width):
        return f"{width} x {height} px, its mask {mask.shape[1]} x {mask.shape[0]}"
    return mask


def crack_px(mask: Mask, window: Window) -> int:
    """Return how many pixels of a window are a crack's."""
    here = mask[window.row : window.row + window.height, window.col : window.col + window.width]
    return int(here.sum())
