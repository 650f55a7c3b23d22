"""How training samples are made from labelled tiles: one record, and its ingredients by name.

The ranges follow a measured trial; the README of a shipped model says what each ingredient gave.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Ingredient(StrEnum):
    """What a recipe can be made without; an Enum, as Typer's lists of choices need one."""

    MOSAICS = "mosaics"
    ZOOM = "zoom"
    DRAWN = "drawn"
    TRANSPLANTS = "transplants"
    LOOKALIKES = "look-alikes"
    DIRT = "dirt"
    LIGHT = "light"
    CAMERA = "camera"
    WINDOWS = "windows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Probabilities and shares are 0..1; levels are of 8 bits; lengths are px of the network's input."""

    # what is in the picture
    drawn: float = 0.5  # share of samples whose crack, if any, is put onto an uncracked tile
    transplanted: float = 0.5  # of those, the share whose crack is lifted from a photo; the others' is drawn
    crack_px: tuple[float, float] = (0.6, 6.0)  # mean width of drawn cracks, log-uniform
    concrete: float = 0.25  # share of uncracked grounds that are drawn, not photographed
    mosaic: float = 0.4  # probability that the ground or the sample is a mosaic of smaller tiles
    mosaic_side: tuple[int, int] = (2, 4)  # tiles along its side
    zoom_cracked: float = 0.8  # smallest part of a cracked tile's side that is shown
    zoom_uncracked: float = 0.5
    lookalikes: float = 0.6  # probability of look-alikes below a crack that is put in
    lookalikes_above: float = 0.25  # and above it
    lookalikes_on_photos: float = 0.3  # and on samples that are photographs as they are
    most_lookalikes: int = 3
    dirt: float = 0.4  # probability of dirt, on what a crack is put on and on photographs as they are
    windows: bool = True  # further windows of photos with masks, besides their tiles

    # light
    shade: float = 0.25  # probability of uneven light
    shade_depth: tuple[float, float] = (0.05, 0.4)  # natural logarithm of the light, one deviation
    contrast: tuple[float, float] = (0.5, 1.4)  # factor
    brightness: float = 40.0  # levels, up to so many either way
    tint: float = 0.12  # each colour channel is scaled by up to so much either way
    saturation: tuple[float, float] = (0.0, 1.5)  # factor; 0 is grey

    # camera
    blur: float = 0.25  # probability
    blur_sigma: tuple[float, float] = (0.3, 1.3)  # px
    sharpen: float = 0.2  # probability
    sharpen_percent: tuple[int, int] = (40, 200)
    noise: float = 0.6  # probability
    noise_sigma: tuple[float, float] = (1.0, 13.0)  # levels
    jpeg: float = 0.3  # probability
    jpeg_quality: tuple[int, int] = (40, 95)

    def without(self, ingredients: Iterable[Ingredient]) -> "Recipe":
        """Return the recipe less some of its ingredients, as for measuring what each gives."""
        recipe = self
        for ingredient in ingredients:
            recipe = replace(recipe, **_WITHOUT[ingredient])
        return recipe


_WITHOUT: Mapping[Ingredient, Mapping[str, Any]] = MappingProxyType(
    {
        Ingredient.MOSAICS: {"mosaic": 0.0},
        Ingredient.ZOOM: {"zoom_cracked": 1.0, "zoom_uncracked": 1.0},
        Ingredient.DRAWN: {"drawn": 0.0},
        Ingredient.TRANSPLANTS: {"transplanted": 0.0},
        Ingredient.LOOKALIKES: {"lookalikes": 0.0, "lookalikes_above": 0.0, "lookalikes_on_photos": 0.0},
        Ingredient.DIRT: {"dirt": 0.0},
        Ingredient.LIGHT: {
            "shade": 0.0,
            "contrast": (1.0, 1.0),
            "brightness": 0.0,
            "tint": 0.0,
            "saturation": (1.0, 1.0),
        },
        Ingredient.CAMERA: {"blur": 0.0, "sharpen": 0.0, "noise": 0.0, "jpeg": 0.0},
        Ingredient.WINDOWS: {"windows": False},
    }
)
PLAIN = Recipe().without(Ingredient)  # tiles are learnt as they are, but for mirroring and turning
