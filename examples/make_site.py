"""Draw the pictures of `site/` and write their ground truth: `python examples/make_site.py [FOLDER]`.

The bridge and the survey are invented: eight photos with positions, and one orthomosaic of the deck. Every
crack is drawn, so its position and width are known. The same versions of NumPy, Pillow and GDAL write the
same bytes.
"""

import csv
import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import numpy as np
import rasterio
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin
from rasterio.warp import transform
from scenes import DECK_CRACKS, DECK_SEED, PAINT, SCENES, UPRIGHT, CrackPath, Scene

from crackscan.basics import grid
from crackscan.basics.arrays import Pixels
from crackscan.basics.records import Label, Window
from crackscan.dataset.synthesis import (
    Crack,
    choose_appearance,
    concrete,
    draw_lookalikes,
    grow_crack,
    shade_crack,
)
from crackscan.dataset.synthesis.light import to_light, to_pixels
from crackscan.dataset.synthesis.lookalikes import painted_line, saw_cut
from crackscan.dataset.synthesis.noise import octaves
from crackscan.dataset.synthesis.strokes import Stroke, straight

SITE = Path(__file__).parent / "site"
TILE_PX = 224  # as the default model sees it
MIN_CRACK_PX2, MIN_CRACK_PX = 40.0, 28.0  # a tile with a smaller area or length of crack gets no label
MIN_VALID = 0.5  # nor does a tile with a smaller fraction of data, as in a scan

# In the open Baltic Sea, so that no real bridge is shown as cracked.
CRS = "EPSG:32633"
ORIGIN_M = (531_800.0, 6_117_200.0)
STARTED = datetime(2025, 6, 14, 9, 12, 5, tzinfo=timezone(timedelta(hours=2)))

DECK = "deck.tif"
DECK_PX = (2000, 1504)
DECK_M_PER_PX = 0.005
CORNER_PX = 760  # of the deck that is not surveyed, so that some tiles have no data
ALPHA_BLOCK_PX = 8  # JPEG keeps alpha exactly if it is constant in each of its blocks


@dataclass(frozen=True)
class Drawing:
    """A finished picture and its cracks."""

    pixels: Pixels
    cracks: tuple[Crack, ...]
    coverage: NDArray[np.floating]  # by cracks, (height, width), 0..1
    valid: NDArray[np.bool_]  # (height, width)


class TileTruth(NamedTuple):
    """The truth about one tile; no label if it holds only an end of a crack, or too little data."""

    window: Window
    label: Label | None
    crack_px2: float
    crack_width_px: float | None  # mean


def main(folder: Path = SITE) -> None:
    """Write all files into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    photos = {scene.name: draw_scene(scene) for scene in SCENES}
    deck = draw_deck(np.random.default_rng(DECK_SEED))
    for number, scene in enumerate(SCENES):
        save_photo(folder / scene.name, photos[scene.name].pixels, scene, number)
    save_deck(folder / DECK, deck)
    save_truth(folder, photos, deck)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{folder}: {len(list(folder.iterdir()))} files, {size / 1e6:.2f} MB")


def draw_scene(scene: Scene) -> Drawing:
    """Draw one photo, upright."""
    rng = np.random.default_rng(scene.seed)
    pixels = concrete(rng, *scene.size_px, tone=scene.tone, roughness=scene.roughness)
    for kind in scene.lookalikes:
        pixels = draw_lookalikes(rng, pixels, 1, kinds=[kind])
    return draw_cracks(rng, pixels, scene.cracks)


def draw_cracks(rng: Generator, pixels: Pixels, paths: Iterable[CrackPath]) -> Drawing:
    """Draw cracks, and record where they are."""
    height, width = pixels.shape[:2]
    coverage = np.zeros((height, width), np.float32)
    cracks = []
    for path in paths:
        crack = grow_crack(
            rng,
            width,
            height,
            width_px=path.width_px,
            through=(path.through[0] * width, path.through[1] * height),
            heading=math.radians(path.heading),
            length_px=path.length * max(width, height),
        )
        crack_coverage = crack.coverage(width, height)
        pixels = shade_crack(rng, pixels, crack_coverage, choose_appearance(rng, crack.width_px))
        coverage = np.maximum(coverage, crack_coverage)
        cracks.append(crack)
    return Drawing(pixels, tuple(cracks), coverage, np.ones((height, width), bool))


def draw_deck(rng: Generator) -> Drawing:
    """Draw the deck from above: slabs with saw-cut joints, a painted line, cracks and an uneven edge."""
    width, height = DECK_PX
    light = to_light(concrete(rng, width, height, tone=(174, 172, 166), roughness=0.35))
    for line in _joints(width, height):
        light = saw_cut(rng, light, line=line)
    kerb = straight((width / 2, 0.83 * height), angle=0.004, width_px=24, length_px=2.0 * width)
    light = painted_line(rng, light, line=kerb, colour=PAINT)
    drawn = draw_cracks(rng, to_pixels(light), DECK_CRACKS)
    valid = _deck_edge(rng, width, height)
    pixels = np.where(valid[..., None], drawn.pixels, np.uint8(0))
    return Drawing(pixels, drawn.cracks, np.where(valid, drawn.coverage, 0), valid)


def save_photo(path: Path, pixels: Pixels, scene: Scene, number: int) -> None:
    """Write a JPEG with position, heading and time, its pixels turned to fit its orientation."""
    stored = np.rot90(pixels) if scene.orientation == UPRIGHT else pixels
    exif = photo_exif(scene, number)
    Image.fromarray(np.ascontiguousarray(stored)).save(path, quality=80, optimize=True, exif=exif)


def photo_exif(scene: Scene, number: int) -> Image.Exif:
    """Return the EXIF of a scene's photo."""
    east, north = (start + step for start, step in zip(ORIGIN_M, scene.position_m, strict=True))
    (longitude,), (latitude,) = transform(CRS, "EPSG:4326", [east], [north])
    taken = STARTED + timedelta(seconds=47 * number)
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "crackscan", "synthetic"
    exif[ExifTags.Base.Orientation] = scene.orientation
    exif[ExifTags.Base.Copyright] = "CC0"
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {
            ExifTags.Base.DateTimeOriginal: f"{taken:%Y:%m:%d %H:%M:%S}",
            ExifTags.Base.OffsetTimeOriginal: f"{taken:%z}"[:3] + ":" + f"{taken:%z}"[3:],
        }
    )
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: _sexagesimal(latitude),
            ExifTags.GPS.GPSLongitudeRef: "E",
            ExifTags.GPS.GPSLongitude: _sexagesimal(longitude),
            ExifTags.GPS.GPSImgDirectionRef: "T",
            ExifTags.GPS.GPSImgDirection: IFDRational(round(scene.heading * 10), 10),
            ExifTags.GPS.GPSDateStamp: f"{taken.astimezone(UTC):%Y:%m:%d}",
        }
    )
    return exif


def save_deck(path: Path, deck: Drawing) -> None:
    """Write the mosaic as RGBA in JPEG: every GDAL reads it, and lossless compression of noise is poor."""
    width, height = DECK_PX
    bands = np.concatenate([deck.pixels, np.where(deck.valid, 255, 0)[..., None]], axis=2).astype(np.uint8)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=4,
        dtype="uint8",
        crs=CRS,
        transform=from_origin(ORIGIN_M[0] - 5, ORIGIN_M[1] + 3.76, DECK_M_PER_PX, DECK_M_PER_PX),
        tiled=True,
        blockxsize=256,
        blockysize=256,
        interleave="pixel",
        compress="JPEG",
        jpeg_quality=75,
        photometric="RGB",
        alpha="YES",
    ) as dataset:
        dataset.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
        dataset.write(np.moveaxis(bands, -1, 0))


def save_truth(folder: Path, photos: dict[str, Drawing], deck: Drawing) -> None:
    """Write truth.csv, a manifest of the photos, and truth_tiles.csv, all tiles of photos and mosaic."""
    with (folder / "truth.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["path", "label"])
        rows.writerows([name, "crack" if photo.cracks else "no-crack"] for name, photo in photos.items())
    with (folder / "truth_tiles.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["source", "col", "row", "width", "height", "label", "crack_px2", "crack_width_px"])
        for name, picture in sorted({**photos, DECK: deck}.items()):
            for window, label, area, width in tile_truths(picture):
                rows.writerow([name, *window, label, f"{area:.0f}", "" if width is None else f"{width:.1f}"])


def tile_truths(picture: Drawing) -> Iterator[TileTruth]:
    """Yield the truth about each tile that a scan cuts."""
    height, width = picture.coverage.shape
    for window in grid.windows(width, height, tile_px=TILE_PX):
        inside = np.s_[window.row : window.row + window.height, window.col : window.col + window.width]
        area = float(picture.coverage[inside].sum())
        length = sum(crack.length_in(window) for crack in picture.cracks)
        label: Label | None = "no-crack" if area == 0 else None
        if area >= MIN_CRACK_PX2 and length >= MIN_CRACK_PX:
            label = "crack"
        if picture.valid[inside].mean() < MIN_VALID:
            label = None
        yield TileTruth(window, label, area, area / length if label == "crack" else None)


def _joints(width: int, height: int) -> Iterator[Stroke]:
    for x in (500, 1000, 1500):
        yield straight((x, height / 2), angle=math.pi / 2 + 0.002, width_px=3.5, length_px=2.0 * height)
    yield straight((width / 2, height / 2), angle=0.001, width_px=3.0, length_px=2.0 * width)


def _deck_edge(rng: Generator, width: int, height: int) -> NDArray[np.bool_]:
    """Return which pixels were surveyed: those inside an irregular edge, in whole JPEG blocks."""
    columns, rows = width // ALPHA_BLOCK_PX, height // ALPHA_BLOCK_PX
    across, down = np.arange(columns, dtype=float), np.arange(rows, dtype=float)
    waves = [(120, 2.5), (30, 1.5), (6, 1.0)]  # blocks
    top, bottom = (9 + octaves(rng, across, waves) for _ in range(2))
    left, right = (9 + octaves(rng, down, waves) for _ in range(2))
    valid = (down[:, None] >= top) & (down[:, None] < rows - bottom)
    valid &= (across >= left[:, None]) & (across < columns - right[:, None])
    valid &= across + down[:, None] > CORNER_PX / ALPHA_BLOCK_PX + octaves(rng, across, waves)
    return np.repeat(np.repeat(valid, ALPHA_BLOCK_PX, axis=0), ALPHA_BLOCK_PX, axis=1)


def _sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Return degrees, minutes and seconds, exact to 3 mm on the ground."""
    total = round(degrees * 3600 * 10_000)
    minutes, seconds = divmod(total, 60 * 10_000)
    return IFDRational(minutes // 60, 1), IFDRational(minutes % 60, 1), IFDRational(seconds, 10_000)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
