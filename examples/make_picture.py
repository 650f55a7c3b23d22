"""Draw `result.png`, a scan of `site/` as README shows it: `python examples/make_picture.py [PNG]`."""

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import rasterio
from PIL import Image, ImageDraw, ImageFont, ImageOps

SITE = Path(__file__).with_name("site")
PICTURE = Path(__file__).with_name("result.png")
MOSAIC, PHOTO = "deck.tif", "pier-1.jpg"
SCALE = 0.34  # of the sources: README shows the picture about 800 px wide
GAP_PX, CAPTION_PX, LEGEND_PX = 14, 34, 44
TEXT_PX, NUMBER_PX = 22, 19
COLOURS = 64  # a tenth of the bytes of true colours, and it looks the same
RED, INK, GREY, CONCRETE = (215, 25, 28), (30, 30, 30), (120, 120, 120), (165, 163, 158)
STEPS = ((0.8, 100), (0.5, 70), (0.2, 45), (0.0, 0))  # least probability, and how opaque the red is, 0 to 255
HATCH_STEP_PX = 12
MOST_SHARED = 0.3  # of a tile with a surer one, for both to be drawn


class Tile(NamedTuple):
    """One row of the scan; `probability` is None where nothing was assessed."""

    source: str
    box: tuple[int, int, int, int]  # left, top, right, bottom, px of the source
    label: str
    probability: float | None


def scan_site(folder: Path) -> list[Tile]:
    """Scan the site with the default model, one row a tile."""
    table = folder / "tiles.csv"
    command = [sys.executable, "-m", "crackscan", "scan", str(SITE), "--per", "tile", "-q", "-o", str(table)]
    subprocess.run(command, check=True)  # noqa: S603 (our own command)
    with table.open(newline="", encoding="utf-8") as file:
        return [read_tile(row) for row in csv.DictReader(file)]


def read_tile(row: dict[str, str]) -> Tile:
    """Turn a row of the CSV into a tile."""
    left, top, width, height = (int(row[name]) for name in ("col", "row", "width", "height"))
    probability = float(row["probability"]) if row["probability"] else None
    return Tile(row["source"], (left, top, left + width, top + height), row["label"], probability)


def read_mosaic(path: Path) -> Image.Image:
    """Read an orthomosaic, white where it has no data."""
    with rasterio.open(path) as mosaic:
        pixels = Image.fromarray(mosaic.read().transpose(1, 2, 0), "RGBA")
    return Image.alpha_composite(Image.new("RGBA", pixels.size, "white"), pixels)


def read_photo(path: Path) -> Image.Image:
    """Read a photo upright, as crackscan does."""
    with Image.open(path) as photo:
        return ImageOps.exif_transpose(photo).convert("RGBA")


def draw_tiles(picture: Image.Image, tiles: list[Tile]) -> Image.Image:
    """Shrink a source and lay its tiles over it; cracked ones get an outline and their probability."""
    tiles = surest(tiles)
    picture = ImageOps.scale(picture, SCALE, Image.Resampling.LANCZOS)
    layer = Image.new("RGBA", picture.size)
    for tile in tiles:
        draw_tile(layer, tile)
    for tile in tiles:  # after all tints, so that no neighbour covers an outline
        if tile.label == "crack":
            draw_outline(layer, tile)
    return Image.alpha_composite(picture, layer)


def surest(tiles: list[Tile]) -> list[Tile]:
    """Leave out tiles that a surer one mostly covers: the last ones are moved back to end with the image."""
    kept: list[Tile] = []
    for tile in sorted(tiles, key=lambda tile: -(tile.probability or 0)):
        if all(shared_area(tile.box, other.box) < MOST_SHARED * area(tile.box) for other in kept):
            kept.append(tile)
    return kept


def area(box: tuple[int, int, int, int]) -> int:
    """Return the area of a box, 0 where it is empty."""
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)


def shared_area(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> int:
    """Return the area that two boxes share."""
    return area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))


def draw_tile(layer: Image.Image, tile: Tile) -> None:
    """Tint a tile by its probability, or hatch it where it was not assessed."""
    box = scaled(tile)
    if tile.probability is None:
        layer.paste(hatching(box[2] - box[0], box[3] - box[1]), box[:2])
    else:
        ImageDraw.Draw(layer).rectangle(box, (*RED, opacity(tile.probability)))


def draw_outline(layer: Image.Image, tile: Tile) -> None:
    """Outline a cracked tile and write its probability into its corner."""
    left, top, right, bottom = scaled(tile)
    draw = ImageDraw.Draw(layer)
    draw.rectangle((left, top, right, bottom), outline=RED, width=3)
    font = ImageFont.load_default(size=NUMBER_PX)
    text = f"{tile.probability:.2f}"
    edges = draw.textbbox((left + 8, top + 5), text, font=font)
    draw.rectangle((edges[0] - 4, edges[1] - 4, edges[2] + 4, edges[3] + 4), fill=(255, 255, 255, 215))
    draw.text((left + 8, top + 5), text, fill=INK, font=font)


def scaled(tile: Tile) -> tuple[int, int, int, int]:
    """Return a tile's box in the picture of its source."""
    left, top, right, bottom = (round(edge * SCALE) for edge in tile.box)
    return left, top, right - 1, bottom - 1


def opacity(probability: float) -> int:
    """Return how opaque the red is, 0 to 255."""
    return next(opaque for least, opaque in STEPS if probability >= least)


def hatching(width: int, height: int) -> Image.Image:
    """Draw slanting lines."""
    picture = Image.new("RGBA", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    for start in range(-height, width, HATCH_STEP_PX):
        draw.line((start, height, start + height, 0), fill=GREY, width=2)
    return picture


def legend_items() -> Iterator[tuple[Image.Image, str]]:
    """Give each swatch of the legend with its words."""
    side = LEGEND_PX - 16
    for least, opaque in STEPS[-2::-1]:
        swatch = Image.new("RGBA", (side, side), CONCRETE)
        swatch.alpha_composite(Image.new("RGBA", (side, side), (*RED, opaque)))
        yield swatch, f"{least:g}+"
    outlined = Image.new("RGBA", (side, side), (255, 255, 255))
    ImageDraw.Draw(outlined).rectangle((0, 0, side - 1, side - 1), outline=RED, width=3)
    yield outlined, "called cracked"
    yield hatching(side, side), "not assessed (no data)"


def caption(name: str, kind: str, tiles: list[Tile]) -> str:
    """Say what a panel shows, and how many of its tiles are cracked."""
    assessed = [tile for tile in tiles if tile.probability is not None]
    cracked = sum(tile.label == "crack" for tile in assessed)
    return f"{name} ({kind}): {cracked} of {len(assessed)} tiles cracked"


def draw_legend(picture: Image.Image, top: int) -> None:
    """Write the legend into the last line of the picture."""
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=TEXT_PX)
    left = GAP_PX
    draw.text((left, top + 8), "probability of a crack", fill=INK, font=font)
    left += round(draw.textlength("probability of a crack", font=font)) + GAP_PX
    for swatch, words in legend_items():
        picture.paste(swatch, (left, top + 6))
        draw.text((left + swatch.width + 8, top + 8), words, fill=INK, font=font)
        left += swatch.width + round(draw.textlength(words, font=font)) + 2 * GAP_PX


def sheet(rows: list[Tile]) -> Image.Image:
    """Lay the mosaic and the photo side by side, captions above and the legend below."""
    panels = []
    for name, kind, pixels in (
        (MOSAIC, "orthomosaic", read_mosaic(SITE / MOSAIC)),
        (PHOTO, "photo", read_photo(SITE / PHOTO)),
    ):
        tiles = [tile for tile in rows if tile.source == name]
        panels.append((caption(name, kind, tiles), draw_tiles(pixels, tiles)))
    width = sum(panel.width + GAP_PX for _, panel in panels) + GAP_PX
    height = CAPTION_PX + GAP_PX + max(panel.height for _, panel in panels) + LEGEND_PX + GAP_PX
    picture = Image.new("RGB", (width, height), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=TEXT_PX)
    left = GAP_PX
    for text, panel in panels:
        draw.text((left, GAP_PX // 2), text, fill=INK, font=font)
        picture.paste(panel, (left, CAPTION_PX + GAP_PX // 2), panel)
        left += panel.width + GAP_PX
    draw_legend(picture, height - LEGEND_PX - GAP_PX // 2)
    return picture


def main(path: str | Path = PICTURE) -> None:
    """Scan the site and write the picture."""
    with TemporaryDirectory() as folder:
        rows = scan_site(Path(folder))
    sheet(rows).quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:2])
