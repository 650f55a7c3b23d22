"""How large the pixels of a photo are on the ground, and which ground it shows, if it looks straight down."""

import math
from typing import NamedTuple

import numpy as np

from crackscan.basics.records import Position, Window
from crackscan.geo.pose.attitude import Attitude
from crackscan.geo.wgs84 import ECCENTRICITY_SQUARED, SEMI_MAJOR_AXIS_M

NEAR_NADIR = 5.0  # degrees off straight down, beyond which a photo shows walls rather than ground
HIGHEST_LATITUDE = 89.9  # degrees; beyond it east is nowhere

# A window's corners, counter-clockwise from the top left, as fractions of its width and height.
CORNERS = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])


class Camera(NamedTuple):
    """A camera that looks down at level ground from a known height, without the distortion of its lens."""

    height: float  # m above the ground
    focal_px: float
    attitude: Attitude
    size: tuple[int, int]  # of its photo: width and height in px

    @property
    def mm_per_px(self) -> float:
        """Size of a pixel on the ground where the line of sight meets it, of its longer side.

        Straight down it is height / focal length (Kraus, Photogrammetry, 2007, 3.1: the image scale). Tilted
        by an angle t the ray is longer by 1 / cos t, and meets the ground aslant by another 1 / cos t; at
        five degrees that is 0.8 %.
        """
        return 1000 * self.height / self.focal_px / math.cos(math.radians(self.attitude.off_nadir)) ** 2

    def outline(self, position: Position, window: Window) -> tuple[Position, ...] | None:
        """Return the ground that a window of the photo shows, as four corners, counter-clockwise.

        The ray of each corner is turned from the camera's axes into north, east and down and followed to the
        ground; its steps become degrees in the plane that touches the ellipsoid (see `_moved`).

        Returns: `None` where a corner sees no ground, or no tangent plane will do.
        """
        width, height = self.size
        cols = window.col + CORNERS[:, 0] * window.width - width / 2
        rows = window.row + CORNERS[:, 1] * window.height - height / 2
        rays = np.stack([np.full(4, self.focal_px), cols, rows], axis=-1) @ self.attitude.axes.T
        if (rays[:, 2] <= 0).any() or abs(position[1]) > HIGHEST_LATITUDE:
            return None
        steps = rays[:, :2] / rays[:, 2:] * self.height
        return tuple(_moved(position, north, east) for north, east in steps.tolist())


def _moved(position: Position, north: float, east: float) -> Position:
    """Step some metres north and east on the ellipsoid of WGS 84.

    By its radii of curvature in the meridian and in the prime vertical (Snyder, Map Projections: A Working
    Manual, USGS PP 1395, 1987, eq. 4-18 and 4-20). At 200 m it is right to a centimetre up to 70 degrees.
    """
    lon, lat = position
    squared = 1 - ECCENTRICITY_SQUARED * math.sin(math.radians(lat)) ** 2
    prime_vertical_m = SEMI_MAJOR_AXIS_M / math.sqrt(squared)
    meridian_m = prime_vertical_m * (1 - ECCENTRICITY_SQUARED) / squared
    moved = lon + math.degrees(east / (prime_vertical_m * math.cos(math.radians(lat))))
    return (moved + 180) % 360 - 180, lat + math.degrees(north / meridian_m)
