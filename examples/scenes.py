"""Scenes of `site/`: the cracks and other things on each picture, and where the camera stood.

The seeds were chosen by eye: from a few drawings of each scene, one that looks like a real survey.
"""

from dataclasses import dataclass

from crackscan.dataset.synthesis.light import Colour

UPRIGHT = 6  # EXIF orientation of a camera turned a quarter to the left


@dataclass(frozen=True)
class CrackPath:
    """A crack to draw: its mean width, a point on it, its length and its heading."""

    width_px: float
    through: tuple[float, float]  # x, y as fractions of the frame
    length: float  # as a fraction of the frame's longer side
    heading: float  # degrees clockwise from the x axis


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One photo: its content and the position of the camera."""

    name: str
    seed: int
    tone: Colour
    position_m: tuple[float, float]  # east and north of the origin
    heading: float  # degrees clockwise from north
    roughness: float = 0.3
    cracks: tuple[CrackPath, ...] = ()
    lookalikes: tuple[str, ...] = ()
    size_px: tuple[int, int] = (1600, 1200)
    orientation: int = 1


SCENES = (
    Scene(
        name="abutment-1.jpg",
        seed=41,
        tone=(178, 172, 162),
        position_m=(-21.4, 3.1),
        heading=92.0,
        cracks=(CrackPath(11.0, (0.42, 0.5), 0.8, 72),),
        lookalikes=("bug holes",),
    ),
    Scene(
        name="abutment-2.jpg",
        seed=24,
        tone=(170, 168, 163),
        position_m=(-20.8, -4.6),
        heading=88.5,
        lookalikes=("formwork joint", "formwork joint", "stain", "stain", "bug holes"),
    ),
    Scene(
        name="girder-1.jpg",
        seed=45,
        tone=(186, 184, 180),
        position_m=(-6.2, -7.9),
        heading=1.5,
        cracks=(CrackPath(8.0, (0.3, 0.45), 0.55, 100), CrackPath(4.0, (0.75, 0.5), 0.6, 70)),
        lookalikes=("formwork joint",),
    ),
    Scene(
        name="girder-2.jpg",
        seed=21,
        tone=(160, 156, 148),
        position_m=(8.4, -8.3),
        heading=359.0,
        lookalikes=("board marks", "water line", "bug holes"),
    ),
    Scene(
        name="parapet-1.jpg",
        seed=42,
        tone=(196, 190, 180),
        position_m=(13.7, 6.4),
        heading=181.0,
        roughness=0.2,
        cracks=(CrackPath(2.5, (0.5, 0.5), 0.9, 12),),
    ),
    Scene(
        name="parapet-2.jpg",
        seed=32,
        tone=(188, 186, 184),
        position_m=(19.9, 6.2),
        heading=178.0,
        lookalikes=("shadow edge", "cable", "stain"),
    ),
    Scene(
        name="pier-1.jpg",
        seed=45,
        tone=(150, 148, 146),
        position_m=(2.6, -9.8),
        heading=12.0,
        cracks=(CrackPath(7.0, (0.55, 0.5), 0.9, 84),),
        lookalikes=("stain",),
        size_px=(1200, 1600),
        orientation=UPRIGHT,
    ),
    Scene(
        name="pier-2.jpg", seed=8, tone=(176, 170, 158), position_m=(3.9, 9.5), heading=195.5, roughness=0.4
    ),
)
DECK_SEED = 41
PAINT = (232, 230, 222)
DECK_CRACKS = (
    CrackPath(9.0, (0.36, 0.4), 0.35, 55),
    CrackPath(6.0, (0.62, 0.62), 0.4, 160),
    CrackPath(3.0, (0.8, 0.3), 0.25, 100),
)
