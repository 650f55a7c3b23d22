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
TILE_PX = 224  # as the default model sees it
SCALE = 0.34  # of the source; README shows the picture about 800 px wide
GAP_PX, CAPTION_PX, LEGEND_PX = 14, 34, 44
TEXT_PX, NUMBER_PX = 22, 19
COLOURS = 96  # less than half of the bytes of true colours, and it looks the same
RED, INK, GREY, CONCRETE = (215, 25, 28), (30, 30, 30), (120, 120, 120), (165, 163, 158)
STEPS = ((0.8, 100), (0.5, 65), (0.2, 30), (0.0, 0))  # lowest probability, and opacity of the red, 0 to 255
HATCH_STEP_PX = 12
NUMBER_MARGIN_PX = 8  # from the edge of its tile


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
    """Return the tile in a row of the CSV."""
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
    """Shrink a source and draw all its tiles over it; cracked ones get an outline and their probability."""
    picture = ImageOps.scale(picture, SCALE, Image.Resampling.LANCZOS)
    layer = Image.new("RGBA", picture.size)
    for tile in sorted(
        tiles, key=lambda tile: tile.probability or 0.0
    ):  # where tiles overlap, the higher tint
        draw_tile(layer, tile)
    cracked = [tile for tile in tiles if tile.label == "crack"]
    for tile in cracked:  # after all tints, so that no neighbour covers an outline
        ImageDraw.Draw(layer).rectangle(scaled_box(tile), outline=RED, width=3)
    for tile in cracked:  # after all outlines, so that none crosses a number
        draw_probability(layer, tile)
    return Image.alpha_composite(picture, layer)


def draw_tile(layer: Image.Image, tile: Tile) -> None:
    """Tint a tile by its probability, or hatch it if it was not assessed."""
    box = scaled_box(tile)
    if tile.probability is None:
        layer.paste(hatching(box[2] - box[0], box[3] - box[1]), box[:2])
    else:
        ImageDraw.Draw(layer).rectangle(box, (*RED, opacity(tile.probability)))


def draw_probability(layer: Image.Image, tile: Tile) -> None:
    """Write a tile's probability into its top left corner.

    The last tiles of a row or column are moved back to end with the image, so they overlap the tiles before
    them. Their numbers go to the opposite edges, so that both can be read.
    """
    left, top, right, bottom = scaled_box(tile)
    x = right - NUMBER_MARGIN_PX if tile.box[0] % TILE_PX else left + NUMBER_MARGIN_PX
    y = bottom - NUMBER_MARGIN_PX if tile.box[1] % TILE_PX else top + NUMBER_MARGIN_PX
    anchor = ("r" if tile.box[0] % TILE_PX else "l") + ("b" if tile.box[1] % TILE_PX else "t")
    draw, font = ImageDraw.Draw(layer), ImageFont.load_default(size=NUMBER_PX)
    text = f"{tile.probability:.2f}"
    edges = draw.textbbox((x, y), text, font=font, anchor=anchor)
    draw.rectangle((edges[0] - 4, edges[1] - 4, edges[2] + 4, edges[3] + 4), fill=(255, 255, 255, 215))
    draw.text((x, y), text, fill=INK, font=font, anchor=anchor)


def scaled_box(tile: Tile) -> tuple[int, int, int, int]:
    """Return a tile's box in the picture of its source."""
    left, top, right, bottom = (round(edge * SCALE) for edge in tile.box)
    return left, top, right - 1, bottom - 1


def opacity(probability: float) -> int:
    """Return the opacity of the red, 0 to 255."""
    return next(alpha for lowest, alpha in STEPS if probability >= lowest)


def hatching(width: int, height: int) -> Image.Image:
    """Draw diagonal lines."""
    picture = Image.new("RGBA", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    for start in range(-height, width, HATCH_STEP_PX):
        draw.line((start, height, start + height, 0), fill=GREY, width=2)
    return picture


def legend_items() -> Iterator[tuple[Image.Image, str]]:
    """Yield each swatch of the legend with its text."""
    side = LEGEND_PX - 16
    for lowest, alpha in STEPS[-2::-1]:
        swatch = Image.new("RGBA", (side, side), CONCRETE)
        swatch.alpha_composite(Image.new("RGBA", (side, side), (*RED, alpha)))
        yield swatch, f"{lowest:g}+"
    outlined = Image.new("RGBA", (side, side), (255, 255, 255))
    ImageDraw.Draw(outlined).rectangle((0, 0, side - 1, side - 1), outline=RED, width=3)
    yield outlined, "called cracked"
    yield hatching(side, side), "not assessed (no data)"


def caption(name: str, kind: str, tiles: list[Tile]) -> str:
    """Return what a panel shows, and how many of its tiles are cracked."""
    assessed = [tile for tile in tiles if tile.probability is not None]
    cracked = sum(tile.label == "crack" for tile in assessed)
    return f"{name} ({kind}): {cracked} of {len(assessed)} tiles cracked"


def draw_legend(picture: Image.Image, top: int) -> None:
    """Draw the legend below the panels."""
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=TEXT_PX)
    left = GAP_PX
    draw.text((left, top + 8), "probability of a crack", fill=INK, font=font)
    left += round(draw.textlength("probability of a crack", font=font)) + GAP_PX
    for swatch, text in legend_items():
        picture.paste(swatch, (left, top + 6))
        draw.text((left + swatch.width + 8, top + 8), text, fill=INK, font=font)
        left += swatch.width + round(draw.textlength(text, font=font)) + 2 * GAP_PX


def sheet(rows: list[Tile]) -> Image.Image:
    """Put the mosaic and the photo side by side, with captions above and the legend below."""
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
