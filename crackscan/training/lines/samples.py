"""Samples of the line network: windows of photos with masks, and cracks drawn on uncracked tiles."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from crackscan.basics.arrays import Bools, Pixels
from crackscan.basics.records import Window
from crackscan.dataset.masks import MaskedPhoto
from crackscan.dataset.records import Example
from crackscan.dataset.synthesis import concrete, draw_crack, draw_lookalikes
from crackscan.dataset.synthesis.noise import log_uniform
from crackscan.reading import read_tile
from crackscan.training.lines.grooves import draw_grooves
from crackscan.training.lines.targets import Targets, make_targets
from crackscan.training.samples.augmentation import photograph, turn
from crackscan.training.samples.compose import add_dirt, lay_background
from crackscan.training.samples.recipe import Recipe

SAMPLE_PX = 224  # the input of the classifier, whose backbone is used
MASKED = 0.45  # share of the samples that are windows of photos with masks
SIDES_PX = (160, 400)  # of these windows, log-uniform: at 1.4 to 0.56 of a sample's scale
ON_CRACK = 0.8  # share of these windows that have a crack near their middle
DRAWN = 0.75  # share of the other samples that have a drawn crack
SECOND = 0.25  # of those, the share with a second one
CRACK_PX = (0.7, 8.0)  # mean width of drawn cracks, log-uniform
GROOVES = 0.15  # share of the other samples that have grooves
COVERED = 0.3  # pixels covered this much by a drawn crack, and by a mask that was resized, are crack
SMALL_DATASET_POWER = (
    0.5  # as of `samples.sampler`, but with masks there are few photos, which it learns by heart
)
NO_DATASET = ""  # of samples on drawn concrete

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class LineSample:
    """A picture, and where its cracks run."""

    pixels: Pixels  # (SAMPLE_PX, SAMPLE_PX, 3)
    targets: Targets
    data: str  # the dataset that it was made of


@dataclass(frozen=True, slots=True)
class LineSamples:
    """Samples by number; each number always gives the same one."""

    photos: tuple[MaskedPhoto, ...]  # with cracks
    plain: tuple[Example, ...]  # uncracked tiles
    seed: int
    recipe: Recipe
    _by_data: dict[str, list[MaskedPhoto]] = field(init=False, repr=False)
    _tiles: "PlainTiles" = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Sort the photos and the tiles by dataset."""
        by_data: dict[str, list[MaskedPhoto]] = {}
        for photo in self.photos:
            by_data.setdefault(photo.data, []).append(photo)
        object.__setattr__(self, "_by_data", by_data)
        object.__setattr__(self, "_tiles", PlainTiles.of(self.plain))

    def sample(self, number: int) -> LineSample:
        """Make one sample.

        Raises: Unreadable: an image could be read when the data was loaded, but not now.
        """
        rng = np.random.default_rng((self.seed, number))
        make = self._cut_window if rng.random() < MASKED or not self.plain else self._draw
        pixels, mask, data = make(rng)
        turned = turn(np.dstack([pixels, mask.astype(np.uint8)]), rng)
        pixels = photograph(np.ascontiguousarray(turned[..., :3]), self.recipe, rng)
        return LineSample(pixels, make_targets(turned[..., 3] > 0), data)

    def _cut_window(self, rng: Rng) -> tuple[Pixels, Bools, str]:
        """Return a window of a photo with a mask."""
        data = draw_dataset(rng, {name: len(photos) for name, photos in self._by_data.items()})
        photos = self._by_data[data]
        pixels, mask = photos[int(rng.integers(len(photos)))].read()
        window = _choose_window(rng, mask)
        return *_resize(_cut(pixels, window), _cut(mask, window)), data

    def _draw(self, rng: Rng) -> tuple[Pixels, Bools, str]:
        """Return an uncracked background, with dirt and look-alikes, and mostly with drawn cracks."""
        recipe, tiles, data = self.recipe, self._tiles.of_one(rng), NO_DATASET
        if rng.random() < recipe.concrete:
            pixels = concrete(rng, SAMPLE_PX, SAMPLE_PX)
        else:
            pixels, data = lay_background(tiles, recipe, rng, label=False), tiles.data
        pixels = add_dirt(pixels, recipe, rng)
        if rng.random() < GROOVES:
            pixels = draw_grooves(rng, pixels)
        if rng.random() < recipe.lookalikes:
            pixels = draw_lookalikes(rng, pixels, int(rng.integers(1, recipe.most_lookalikes + 1)))
        mask = np.zeros((SAMPLE_PX, SAMPLE_PX), np.bool_)
        cracks = int(rng.random() < DRAWN) * (1 + int(rng.random() < SECOND))
        for _ in range(cracks):
            pixels, covered = draw_crack(rng, pixels, width_px=log_uniform(rng, *CRACK_PX))
            mask |= covered > COVERED
        if rng.random() < recipe.lookalikes_above:
            pixels = draw_lookalikes(rng, pixels, 1)
        return pixels, mask, data


@dataclass(frozen=True, slots=True)
class PlainTiles:
    """Uncracked tiles by dataset, read when they are needed."""

    by_data: dict[str, list[Example]]
    data: str = NO_DATASET  # the dataset that tiles are drawn from

    @classmethod
    def of(cls, examples: Sequence[Example]) -> "PlainTiles":
        """Sort tiles by dataset."""
        by_data: dict[str, list[Example]] = {}
        for example in examples:
            by_data.setdefault(example.data, []).append(example)
        return cls(by_data)

    def of_one(self, rng: Rng) -> "PlainTiles":
        """Draw the dataset of a sample: all its tiles are of one."""
        if not self.by_data:
            return self
        return PlainTiles(self.by_data, draw_dataset(rng, {n: len(t) for n, t in self.by_data.items()}))

    def tile(self, rng: Rng, *, label: bool) -> Pixels:  # noqa: ARG002 - the interface of `TileSource`
        """Return an uncracked tile of the drawn dataset."""
        tiles = self.by_data[self.data]
        example = tiles[int(rng.integers(len(tiles)))]
        return read_tile(example.path, example.window, input_px=SAMPLE_PX)

    def same_dataset(self, rng: Rng, labels: Sequence[bool]) -> list[Pixels]:
        """Return uncracked tiles of the drawn dataset."""
        return [self.tile(rng, label=label) for label in labels]


def draw_dataset(rng: Rng, sizes: dict[str, int]) -> str:
    """Draw a dataset with a probability proportional to a power of its size."""
    shares = np.array(list(sizes.values()), np.float64) ** SMALL_DATASET_POWER
    return list(sizes)[rng.choice(len(shares), p=shares / shares.sum())]


def _choose_window(rng: Rng, mask: Bools) -> Window:
    """Return a square window of a photo, mostly near a crack; it may reach beyond the photo's edges."""
    height, width = mask.shape
    side = min(round(log_uniform(rng, *SIDES_PX)), height, width)
    rows, cols = np.nonzero(mask)
    if len(rows) and rng.random() < ON_CRACK:
        at = int(rng.integers(len(rows)))
        col, row = np.array([cols[at], rows[at]]) - side / 2 + rng.uniform(-0.4, 0.4, 2) * side
    else:
        col, row = rng.uniform(0, (width - side + 1, height - side + 1))
    return Window(int(np.clip(col, 0, width - side)), int(np.clip(row, 0, height - side)), side, side)


def _cut(array: np.ndarray, window: Window) -> np.ndarray:
    return array[window.row : window.row + window.height, window.col : window.col + window.width]


def _resize(pixels: Pixels, mask: Bools) -> tuple[Pixels, Bools]:
    """Bring a window and its mask to the size of a sample."""
    size, filter_ = (SAMPLE_PX, SAMPLE_PX), Image.Resampling.BILINEAR
    covered = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, filter_)
    return (
        np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, filter_)),
        np.asarray(covered) > COVERED * 255,
    )
