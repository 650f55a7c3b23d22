"""The recipe of training samples: one record, and its ingredients by name.

The ranges come from measured trials: see models/experiments.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Ingredient(StrEnum):
    """A part of the recipe that can be left out."""

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
    """How samples are made. Probabilities and shares are 0..1, levels 8-bit, lengths px of the input."""

    # content
    drawn: float = 0.5  # share of samples that are uncracked tiles, with a crack put onto cracked ones
    transplanted: float = 0.5  # of those, the share whose crack is cut out of a photo, not drawn
    crack_px: tuple[float, float] = (0.6, 6.0)  # mean width of drawn cracks, log-uniform
    concrete: float = 0.25  # share of the backgrounds that are drawn, not photographed
    mosaic: float = 0.4  # probability that the background or the sample is a collage
    mosaic_side: tuple[int, int] = (2, 4)  # tiles along its side
    zoom_cracked: float = 0.8  # smallest part of a cracked tile's side that is shown, 0..1
    zoom_uncracked: float = 0.5
    lookalikes: float = 0.6  # probability of look-alikes below a crack that is put on
    lookalikes_above: float = 0.25  # the same above the crack
    lookalikes_on_photos: float = 0.3  # the same on photographs
    most_lookalikes: int = 3
    dirt: float = 0.4  # probability of dirt, on backgrounds and on photographs
    windows: bool = True  # larger windows of photos with masks, besides their tiles

    # light
    shade: float = 0.25  # probability of uneven light
    shade_depth: tuple[float, float] = (0.05, 0.4)  # natural logarithm of the light, standard deviation
    contrast: tuple[float, float] = (0.3, 1.4)  # factor
    brightness: float = 40.0  # levels, at most, up or down
    tint: float = 0.12  # largest relative change of each colour channel
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
        """Return the recipe without some ingredients, for example to measure what each gives."""
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
PLAIN = Recipe().without(Ingredient)  # plain tiles, mirrored and turned
