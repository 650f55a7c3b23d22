"""Out-of-distribution (OOD) detection: does a tile show concrete at all, in whatever light?

Sky or grass is not concrete, and a probability of a crack means nothing there. What tells them apart is
texture, and how colours vary within the tile. The colour itself tells little: warm light, a wrong white
balance and grey film change it on concrete, too. NumPy alone: scanning does without the packages that
training needs.
"""

import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from crackscan.basics.arrays import Float32s, Pixels
from crackscan.basics.errors import BrokenModel
from crackscan.model.broken_files import broken_model_errors, load_array

SAMPLE_STEP = 4  # px, each way, from one sampled pixel to the next: a sixteenth of them describes a tile
DARKEST = 2.0  # levels, added before logarithms: noise in the dark must not look like colour
FARTHEST = 4.0  # deviations: figures beyond that say no more, and their squares would outweigh the others
ROUNDING = np.float32(1e-4)  # variance of the logarithm that rounding to whole levels makes
LEAST = 1e-3  # added to spreads before their logarithm: less than rounding to whole levels makes
PRODUCT_SCALE = np.float32(0.3)  # products count less than figures where the fit is regularised
_NAMES = ("means", "deviations", "weights")


@dataclass(frozen=True, slots=True)
class OODDetector:
    """A quadratic logistic regression on what `describe_samples` returns, d figures a tile."""

    means: Float32s  # of the figures, (d,)
    deviations: Float32s  # of the figures, (d,)
    weights: Float32s  # of a constant, of the figures, and of their products, (1 + d + d (d + 1) / 2,)

    def distances(self, tiles: Pixels) -> Float32s:
        """Return how far each tile is from concrete, float32, (n,), 0 and up.

        It is minus the logarithm of the probability that a tile shows concrete, if concrete and other things
        are equally frequent. Each tile is judged by its own pixels alone.

        Args:
            tiles: uint8 RGB, (..., height, width, 3), n in all. Views of overlapping windows are fine: only
                some of their pixels are read.
        """
        return self.distances_of(describe_samples(sample_pixels(tiles)))

    def distances_of(self, figures: Float32s) -> Float32s:
        """Return the distances of tiles of which `describe_samples` returned these figures, (n, d)."""
        terms = expand(self.standardise(figures))
        # einsum rather than @: for a small product BLAS would start threads of its own in each worker, and
        # its sums depend on the number of tiles
        odds = np.einsum("nt,t->n", terms, self.weights)
        return np.asarray(np.logaddexp(np.float32(0), odds), np.float32)

    def standardise(self, figures: Float32s) -> Float32s:
        """Return figures, (n, d), in deviations from their means."""
        standard = (figures - self.means) / self.deviations
        return np.asarray(np.clip(standard, -FARTHEST, FARTHEST), np.float32)

    def save(self, path: Path) -> None:
        """Write it as an .npz of float32 arrays.

        Raises: OSError: the file cannot be written.
        """
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, **{name: getattr(self, name) for name in _NAMES})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote; nothing in the file is executed.

        Raises: BrokenModel: the file is missing or is something else.
        """
        _refuse_prototypes(path)
        detector = cls(*(load_array(path, name, dimensions=1) for name in _NAMES))
        with broken_model_errors(path):
            detector.distances(np.zeros((1, 32, 32, 3), np.uint8))
        return detector


def _refuse_prototypes(path: Path) -> None:
    """Raise BrokenModel for a file of a detector that reacted to colour; of broken files nothing is said."""
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        if "prototypes.npy" in archive.namelist():
            raise BrokenModel(
                f"{path}: written by an earlier crackscan, and loses concrete in warm or cool light; "
                "make it again by crackscan model gate."
            )


def sample_pixels(tiles: Pixels) -> Pixels:
    """Return the pixels that describe tiles: evenly spaced ones, and the one below each of them.

    Args:
        tiles: uint8 RGB, (..., height, width, 3), n in all; views of overlapping windows are fine.

    Returns: uint8 RGB, (n, 2, rows, cols, 3); rows and cols are multiples of 4.
    """
    rows, cols = (length // (4 * SAMPLE_STEP) * 4 for length in tiles.shape[-3:-1])
    # channel by channel in memory, as figures are computed: runs of 3 bytes would be copied slowly
    planes = np.empty((*tiles.shape[:-3], 2, 3, rows, cols), np.uint8)
    for first in (0, 1):
        pixels = tiles[..., first::SAMPLE_STEP, ::SAMPLE_STEP, :][..., :rows, :cols, :]
        planes[..., first, :, :, :] = np.moveaxis(pixels, -1, -3)
    return np.moveaxis(planes.reshape(-1, *planes.shape[-4:]), 2, -1)


def describe_samples(samples: Pixels) -> Float32s:
    """Return figures of texture and colour variation, float32, (n, d).

    All but those of greenness stay the same when each channel is multiplied by a number, but for clipping
    and rounding: all are made of differences of logarithms.

    Args:
        samples: as `sample_pixels` returns them.
    """
    light = np.moveaxis(samples, -1, 2).astype(np.float32, order="C")
    light += np.float32(DARKEST)
    half = halve(light[:, 0])
    logs = [np.log(scale) for scale in (light[:, 0], half, halve(half))]
    opponents = [_opponents(scale) for scale in logs]
    spreads = [*(_spreads(*scale) for scale in opponents), _sharpness(light)]
    return np.concatenate(
        [np.log(np.concatenate(spreads, axis=1) + LEAST), _shape(*opponents[1]), _greenness(logs[2])], axis=1
    )


def expand(figures: Float32s) -> Float32s:
    """Return a constant, the figures and their products of two, (n, 1 + d + d (d + 1) / 2)."""
    first, second = np.triu_indices(figures.shape[1])
    products = PRODUCT_SCALE * figures[:, first] * figures[:, second]
    return np.concatenate([np.ones_like(figures[:, :1]), figures, products], axis=1)


def halve(light: Float32s) -> Float32s:
    """Return means of 2 x 2 pixels, (n, channels, rows / 2, cols / 2)."""
    pairs = light[..., ::2, :] + light[..., 1::2, :]
    return np.asarray((pairs[..., ::2] + pairs[..., 1::2]) / 4)


def _opponents(logs: Float32s) -> tuple[Float32s, Float32s, Float32s]:
    """Return brightness, red against green and green against blue, as differences from the tile's means.

    logs: logarithms of light, (n, 3, rows, cols). Each of the three is (n, rows, cols).
    """
    centred = logs - logs.mean(axis=(2, 3), keepdims=True)
    return _mean_channel(centred), centred[:, 0] - centred[:, 1], centred[:, 1] - centred[:, 2]


def _spreads(brightness: Float32s, first: Float32s, second: Float32s) -> Float32s:
    """Return spreads of colour and brightness at one scale, (n, 6), of what `_opponents` returns."""
    variances = _mean(first * first), _mean(second * second)
    covariance, half = _mean(first * second), (variances[0] + variances[1]) / 2
    root = np.sqrt(((variances[0] - variances[1]) / 2) ** 2 + covariance**2)
    colour_steps = _steps(first, axis=1)
    colour_steps += _steps(second, axis=1)
    figures = (
        np.sqrt(half + root),  # of colour along its main direction: the larger eigenvalue
        np.sqrt(np.maximum(half - root, 0)),
        np.sqrt(_mean(brightness * brightness)),
        _mean(_steps(brightness, axis=1)),
        _mean(_steps(brightness, axis=2)),
        _mean(colour_steps),
    )
    return np.stack(figures, axis=1)


def _sharpness(light: Float32s) -> Float32s:
    """Return how much brightness changes from one pixel to the one below it, (n, 2).

    light: of both, (n, 2, 3, rows, cols).
    """
    change = np.log(_mean_channel(light[:, 1]))
    change -= np.log(_mean_channel(light[:, 0]))
    np.abs(change, out=change)
    return np.stack([_mean(change), np.sqrt(_mean(change * change))], axis=1)


def _shape(brightness: Float32s, first: Float32s, second: Float32s) -> Float32s:
    """Return how brightness is distributed, and how colour goes along with it, (n, 4)."""
    squares = brightness * brightness  # products: powers of 3 and 4 are computed forty times as slowly
    variance = _mean(squares)
    figures = (
        _mean(squares * brightness) / (variance + ROUNDING) ** 1.5,
        np.log(_mean(squares * squares) / (variance + ROUNDING) ** 2 + 1),
        *(
            _mean(brightness * colour) / (np.sqrt(variance * _mean(colour * colour)) + LEAST)
            for colour in (first + second, first - second)
        ),
    )
    return np.stack(figures, axis=1)


def _greenness(logs: Float32s) -> Float32s:
    """Return mean, spread and outer tenths of log(g² / (r b)), (n, 4): plants are green in most lights."""
    green = (2 * logs[:, 1] - logs[:, 0] - logs[:, 2]).reshape(len(logs), -1)
    ranked, tenth = np.sort(green, axis=1), green.shape[1] // 10
    return np.stack([green.mean(axis=1), green.std(axis=1), ranked[:, tenth], ranked[:, -1 - tenth]], axis=1)


def _mean_channel(values: Float32s) -> Float32s:
    """Return the mean of the three channels, (n, rows, cols)."""
    mean = values[:, 0] + values[:, 1]
    mean += values[:, 2]
    mean /= np.float32(3)
    return mean


def _steps(values: Float32s, *, axis: int) -> Float32s:
    """Return how much each pixel differs from the next one, always positive."""
    steps = np.diff(values, axis=axis)
    return np.abs(steps, out=steps)


def _mean(values: Float32s) -> Float32s:
    """Return the mean of each tile, (n,)."""
    mean: Float32s = values.reshape(len(values), -1).mean(axis=1)
    return mean
