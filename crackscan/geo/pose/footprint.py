"""Ground resolution and ground footprint of a photo that looks straight down, and lines on that ground."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from crackscan.basics.arrays import Float64s
from crackscan.basics.records import Line, Position, Window
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


def lines_in_outline(
    lines: Sequence[Sequence[tuple[float, float]]], size: tuple[int, int], outline: Sequence[Position]
) -> tuple[Line, ...]:
    """Place lines of a photo on the ground by the corners of what it shows.

    A plane seen by a camera is mapped to its picture by a homography, which four points determine (Hartley
    and Zisserman, Multiple View Geometry, 2004, 4.1).

    Args:
        lines: in px.
        size: width and height of the photo, px.
        outline: its corners on the ground from the top left one by way of the bottom left one, degrees.
    """
    width, height = size
    corners = [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)]
    lon0, lat0 = outline[0]  # relative to one corner, so that digits do not cancel
    targets = [((lon - lon0 + 180) % 360 - 180, lat - lat0) for lon, lat in outline]
    scale = max(abs(figure) for target in targets for figure in target)
    matrix = _homography(corners, [(x / scale, y / scale) for x, y in targets])
    return tuple(
        tuple(
            ((lon0 + x * scale + 180) % 360 - 180, lat0 + y * scale)
            for x, y in _mapped(matrix, np.array(line) / (width, height)).tolist()
        )
        for line in lines
    )


def _homography(sources: Sequence[tuple[float, float]], targets: Sequence[tuple[float, float]]) -> Float64s:
    """Return the 3 x 3 matrix that maps four points to four others."""
    rows, values = [], []
    for (x, y), (u, v) in zip(sources, targets, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.append(np.linalg.solve(np.array(rows, np.float64), np.array(values)), 1.0).reshape(3, 3)


def _mapped(matrix: Float64s, points: Float64s) -> Float64s:
    mapped = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    return np.asarray(mapped[:, :2] / mapped[:, 2:])
