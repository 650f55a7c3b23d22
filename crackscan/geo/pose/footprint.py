"""Ground resolution and ground footprint of a photo that looks straight down."""

import math
from typing import NamedTuple

import numpy as np

from crackscan.basics.records import Position, Window
from crackscan.geo.pose.attitude import Attitude
from crackscan.geo.wgs84 import ECCENTRICITY_SQUARED, SEMI_MAJOR_AXIS_M

MAX_OFF_NADIR = 5.0  # degrees; photos that look farther off straight down show walls rather than ground
MAX_LATITUDE = 89.9  # degrees; nearer to the poles, east is not defined well enough

# A window's corners, counter-clockwise from the top left, as fractions of its width and height.
CORNERS = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])


class Camera(NamedTuple):
    """A pinhole camera that looks down at level ground; the distortion of its lens is ignored."""

    height: float  # m above the ground
    focal_px: float
    attitude: Attitude
    size: tuple[int, int]  # (width, height) of its photo, px

    @property
    def mm_per_px(self) -> float:
        """The longer side of a pixel on the ground, where the line of sight meets it.

        Straight down it is height / focal length (Kraus, Photogrammetry, 2007, 3.1: the image scale). At a
        tilt t the ray is longer by 1 / cos t and meets the ground at an angle, which stretches the pixel by
        another 1 / cos t; at 5 degrees that is 0.8 %.
        """
        return 1000 * self.height / self.focal_px / math.cos(math.radians(self.attitude.off_nadir)) ** 2

    def outline(self, position: Position, window: Window) -> tuple[Position, ...] | None:
        """Return the four corners of the ground that a window of the photo shows, counter-clockwise.

        Each corner's ray is rotated from the camera's axes to north, east and down and followed to the
        ground; the resulting offset in metres is then converted to degrees (see `_move`).

        Args:
            position: of the camera, (lon, lat) in degrees.
            window: px of the photo.

        Returns: (lon, lat) in degrees; None where a corner's ray does not meet the ground, or near a pole.
        """
        width, height = self.size
        cols = window.col + CORNERS[:, 0] * window.width - width / 2
        rows = window.row + CORNERS[:, 1] * window.height - height / 2
        rays = np.stack([np.full(4, self.focal_px), cols, rows], axis=-1) @ self.attitude.axes.T
        if (rays[:, 2] <= 0).any() or abs(position[1]) > MAX_LATITUDE:
            return None
        offsets_m = rays[:, :2] / rays[:, 2:] * self.height
        return tuple(_move(position, north_m, east_m) for north_m, east_m in offsets_m.tolist())


def _move(position: Position, north_m: float, east_m: float) -> Position:
    """Move a position by metres north and east on the ellipsoid of WGS 84.

    Uses the radii of curvature in the meridian and in the prime vertical (Snyder, Map Projections: A Working
    Manual, USGS PP 1395, 1987, eq. 4-18 and 4-20). At 200 m the error is below 1 cm up to 70 degrees.
    """
    lon, lat = position
    squared = 1 - ECCENTRICITY_SQUARED * math.sin(math.radians(lat)) ** 2
    prime_vertical_m = SEMI_MAJOR_AXIS_M / math.sqrt(squared)
    meridian_m = prime_vertical_m * (1 - ECCENTRICITY_SQUARED) / squared
    moved_lon = lon + math.degrees(east_m / (prime_vertical_m * math.cos(math.radians(lat))))
    return (moved_lon + 180) % 360 - 180, lat + math.degrees(north_m / meridian_m)
