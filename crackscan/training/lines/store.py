"""The samples of the line network, made once: they are drawn for minutes, and seen several times."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crackscan.basics.arrays import Float32s, Indices, Pixels
from crackscan.basics.atomic import whole_file, write_whole
from crackscan.basics.progress import Progress
from crackscan.model.line_head import LINE_CELL_PX
from crackscan.training.lines.samples import SAMPLE_PX, LineSample, LineSamples
from crackscan.training.samples.prefetch import make_ahead
from crackscan.training.samples.tile_store import open_store

TARGET_SIDE = SAMPLE_PX // LINE_CELL_PX


@dataclass(frozen=True, slots=True)
class SampleStore:
    """Samples in files: their pixels and targets, and the dataset that each was made of."""

    pixels: NDArray[np.uint8]  # (n, SAMPLE_PX, SAMPLE_PX, 3), on disk
    targets: NDArray[np.uint8]  # (n, TARGET_SIDE, TARGET_SIDE), on disk
    data: tuple[str, ...]

    @classmethod
    def make(
        cls, samples: LineSamples, count: int, folder: Path, *, name: str, progress: Progress
    ) -> "SampleStore":
        """Make the samples 0 to count - 1, unless the files exist.

        Raises:
            Unreadable: an image could be read when the data was loaded, but not now.
        """
        paths = [folder / f"{name}-{part}" for part in ("pixels.npy", "targets.npy", "data.json")]
        if not paths[2].is_file():
            progress.phase(f"{name} samples of cracks as lines", count)
            made = make_ahead(samples.sample, range(count))
            write_whole(paths[2], json.dumps(_write(made, count, paths[0], paths[1], progress)).encode())
        data = tuple(json.loads(paths[2].read_text(encoding="utf-8")))
        return cls(open_store(paths[0]), open_store(paths[1]), data)

    def without(self, data: str) -> Indices:
        """Return the samples that no picture of a dataset is in."""
        return np.flatnonzero(np.array(self.data) != data)

    def batches(self, indices: Indices, size: int) -> Iterator[tuple[Pixels, Float32s]]:
        """Yield samples and targets, float32 (n, TARGET_SIDE, TARGET_SIDE, 1); the last are fewer."""
        for start in range(0, len(indices), size):
            batch = np.sort(indices[start : start + size])  # in the order of the file
            yield self.pixels[batch], self.targets[batch][..., np.newaxis].astype(np.float32)


def _write(
    made: Iterator[LineSample], count: int, pixels: Path, targets: Path, progress: Progress
) -> list[str]:
    data = []
    with whole_file(pixels) as pixel_file, whole_file(targets) as target_file:
        pixel_store = _new(pixel_file, (count, SAMPLE_PX, SAMPLE_PX, 3))
        target_store = _new(target_file, (count, TARGET_SIDE, TARGET_SIDE))
        for number, sample in enumerate(made):
            pixel_store[number], target_store[number] = sample.pixels, sample.targets
            data.append(sample.data)
            progress.advance()
        pixel_store.flush()
        target_store.flush()
    return data


def _new(path: Path, shape: tuple[int, ...]) -> Any:
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
