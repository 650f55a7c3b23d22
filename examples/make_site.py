"""Draw the pictures of `site/` and write down what is true of them: `python examples/make_site.py [FOLDER]`.

A bridge that does not exist, surveyed by a drone that did not fly: eight photos with a position, one
orthomosaic of the deck. Every crack is drawn, so its place and width are known. The same versions of
NumPy, Pillow and GDAL write the same bytes.
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
from scenes import DECK_CRACKS, DECK_SEED, PAINT, SCENES, UPRIGHT, Opening, Scene

from crackscan.basics import grid
from crackscan.basics.arrays import Pixels
from crackscan.basics.records import Label, Window
from crackscan.dataset.synthesis import Crack, concrete, draw_lookalikes, grow_crack, look, shade_crack
from crackscan.dataset.synthesis.light import to_light, to_pixels
from crackscan.dataset.synthesis.lookalikes import painted_line, saw_cut
from crackscan.dataset.synthesis.noise import octaves
from crackscan.dataset.synthesis.strokes import Stroke, straight

SITE = Path(__file__).parent / "site"
TILE_PX = 224  # as the default model sees it
CRACK_PX2, CRACK_PX = 40.0, 28.0  # a tile with less crack than this in area or length, but some, is undecided
VALID = 0.5  # and so is one of which less than this is data, as in a scan

# In the open Baltic Sea, so that nobody's bridge is said to be cracked.
CRS = "EPSG:32633"
ORIGIN_M = (531_800.0, 6_117_200.0)
STARTED = datetime(2025, 6, 14, 9, 12, 5, tzinfo=timezone(timedelta(hours=2)))

DECK = "deck.tif"
DECK_PX = (2000, 1504)
DECK_M_PER_PX = 0.005
MISSED_CORNER_PX = 760  # of the deck, not surveyed: some tiles have no data
ALPHA_BLOCK_PX = 8  # JPEG keeps alpha exactly where it is even in each of its blocks


@dataclass(frozen=True)
class Drawn:
    """A finished picture and the cracks on it."""

    pixels: Pixels
    cracks: tuple[Crack, ...]
    covered: NDArray[np.floating]  # by cracks, (height, width), 0..1
    valid: NDArray[np.bool_]  # (height, width)


class TileTruth(NamedTuple):
    """What is true of one tile; no label where it holds a mere end of a crack, or too little data."""

    window: Window
    label: Label | None
    crack_px2: float
    crack_width_px: float | None  # mean


def main(folder: Path = SITE) -> None:
    """Write everything into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    photos = {scene.name: draw_scene(scene) for scene in SCENES}
    deck = draw_deck(np.random.default_rng(DECK_SEED))
    for number, scene in enumerate(SCENES):
        save_photo(folder / scene.name, photos[scene.name].pixels, scene, number)
    save_deck(folder / DECK, deck)
    save_truth(folder, photos, deck)
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{folder}: {len(list(folder.iterdir()))} files, {size / 1e6:.2f} MB")


def draw_scene(scene: Scene) -> Drawn:
    """Draw one photo as it is displayed."""
    rng = np.random.default_rng(scene.seed)
    pixels = concrete(rng, *scene.size_px, tone=scene.tone, roughness=scene.roughness)
    for kind in scene.lookalikes:
        pixels = draw_lookalikes(rng, pixels, 1, kinds=[kind])
    return open_cracks(rng, pixels, scene.cracks)


def open_cracks(rng: Generator, pixels: Pixels, openings: Iterable[Opening]) -> Drawn:
    """Draw cracks and keep where they are."""
    height, width = pixels.shape[:2]
    covered = np.zeros((height, width), np.float32)
    cracks = []
    for opening in openings:
        crack = grow_crack(
            rng,
            width,
            height,
            width_px=opening.width_px,
            through=(opening.through[0] * width, opening.through[1] * height),
            heading=math.radians(opening.heading),
            length_px=opening.length * max(width, height),
        )
        covers = crack.coverage(width, height)
        pixels = shade_crack(rng, pixels, covers, look(rng, crack.width_px))
        covered = np.maximum(covered, covers)
        cracks.append(crack)
    return Drawn(pixels, tuple(cracks), covered, np.ones((height, width), bool))


def draw_deck(rng: Generator) -> Drawn:
    """Draw the deck from above: slabs with sawn joints, a painted line, cracks, an uneven edge."""
    width, height = DECK_PX
    light = to_light(concrete(rng, width, height, tone=(174, 172, 166), roughness=0.35))
    for line in _joints(width, height):
        light = saw_cut(rng, light, line=line)
    kerb = straight((width / 2, 0.83 * height), angle=0.004, width_px=24, length_px=2.0 * width)
    light = painted_line(rng, light, line=kerb, colour=PAINT)
    drawn = open_cracks(rng, to_pixels(light), DECK_CRACKS)
    valid = _deck_edge(rng, width, height)
    pixels = np.where(valid[..., None], drawn.pixels, np.uint8(0))
    return Drawn(pixels, drawn.cracks, np.where(valid, drawn.covered, 0), valid)


def save_photo(path: Path, pixels: Pixels, scene: Scene, number: int) -> None:
    """Write a JPEG with position, heading and time; turned as its orientation says."""
    stored = np.rot90(pixels) if scene.orientation == UPRIGHT else pixels
    exif = describe(scene, number)
    Image.fromarray(np.ascontiguousarray(stored)).save(path, quality=80, optimize=True, exif=exif)


def describe(scene: Scene, number: int) -> Image.Exif:
    """Return the EXIF of a photo."""
    east, north = (start + step for start, step in zip(ORIGIN_M, scene.place_m, strict=True))
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


def save_deck(path: Path, deck: Drawn) -> None:
    """Write the mosaic as RGBA; JPEG, because any GDAL reads that and noise packs badly without loss."""
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


def save_truth(folder: Path, photos: dict[str, Drawn], deck: Drawn) -> None:
    """Write truth.csv, a manifest of the photos, and truth_tiles.csv, every tile of photos and mosaic."""
    with (folder / "truth.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["path", "label"])
        rows.writerows([name, "crack" if photo.cracks else "no-crack"] for name, photo in photos.items())
    with (folder / "truth_tiles.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["source", "col", "row", "width", "height", "label", "crack_px2", "crack_width_px"])
        for name, picture in sorted({**photos, DECK: deck}.items()):
            for window, label, area, wide in tile_truths(picture):
                rows.writerow([name, *window, label, f"{area:.0f}", "" if wide is None else f"{wide:.1f}"])


def tile_truths(picture: Drawn) -> Iterator[TileTruth]:
    """Yield the truth of each tile as a scan cuts it."""
    height, width = picture.covered.shape
    for window in grid.windows(width, height, tile_px=TILE_PX):
        inside = np.s_[window.row : window.row + window.height, window.col : window.col + window.width]
        area = float(picture.covered[inside].sum())
        length = sum(crack.length_in(window) for crack in picture.cracks)
        label: Label | None = "no-crack" if area == 0 else None
        if area >= CRACK_PX2 and length >= CRACK_PX:
            label = "crack"
        if picture.valid[inside].mean() < VALID:
            label = None
        yield TileTruth(window, label, area, area / length if label == "crack" else None)


def _joints(width: int, height: int) -> Iterator[Stroke]:
    for x in (500, 1000, 1500):
        yield straight((x, height / 2), angle=math.pi / 2 + 0.002, width_px=3.5, length_px=2.0 * height)
    yield straight((width / 2, height / 2), angle=0.001, width_px=3.0, length_px=2.0 * width)


def _deck_edge(rng: Generator, width: int, height: int) -> NDArray[np.bool_]:
    """Return where the survey saw the deck: inside an edge that wanders, in whole blocks of JPEG."""
    columns, rows = width // ALPHA_BLOCK_PX, height // ALPHA_BLOCK_PX
    across, down = np.arange(columns, dtype=float), np.arange(rows, dtype=float)
    waves = [(120, 2.5), (30, 1.5), (6, 1.0)]  # blocks
    top, bottom = (9 + octaves(rng, across, waves) for _ in range(2))
    left, right = (9 + octaves(rng, down, waves) for _ in range(2))
    seen = (down[:, None] >= top) & (down[:, None] < rows - bottom)
    seen &= (across >= left[:, None]) & (across < columns - right[:, None])
    seen &= across + down[:, None] > MISSED_CORNER_PX / ALPHA_BLOCK_PX + octaves(rng, across, waves)
    return np.repeat(np.repeat(seen, ALPHA_BLOCK_PX, axis=0), ALPHA_BLOCK_PX, axis=1)


def _sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Return degrees, minutes and seconds, to 3 mm on the ground."""
    total = round(degrees * 3600 * 10_000)
    minutes, seconds = divmod(total, 60 * 10_000)
    return IFDRational(minutes // 60, 1), IFDRational(minutes % 60, 1), IFDRational(seconds, 10_000)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
