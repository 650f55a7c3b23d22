"""Attitude of a camera: conversion between the two angle conventions of drones and directions on the ground.

Directions are (north, east, down). A camera's own axes are its line of sight, the right of its image and the
bottom of its image, in this order.
"""

import math
from typing import NamedTuple, Self

import numpy as np

from crackscan.basics.arrays import Float64s
from crackscan.basics.records import DECIMALS

STEEP = -45.0  # degrees of elevation; below, the heading is that of the image's top, not of the line of sight


class Attitude(NamedTuple):
    """Yaw, pitch and roll of a camera in degrees: 0, 0, 0 looks north at the horizon, pitch -90 down.

    Rotations about down, then right, then the line of sight: "NED coordinate system, the rotation order is
    ZYX" (DJI Mavic 3M user manual, p. 89). A roll of 180 turns the image upside down.
    """

    yaw: float
    pitch: float
    roll: float

    @classmethod
    def from_body_angles(cls, yaw: float, pitch: float, roll: float) -> Self:
        """Return the attitude of a camera below an aircraft with these angles, so that 0, 0, 0 looks down.

        This is the convention of Pix4D's XMP tags (support.pix4d.com, article 202558969), which Parrot,
        senseFly and Autel follow, and of OpenDroneMap's geo.txt: pitch 0 looks down, 90 forward.

        yaw, pitch, roll: of the aircraft, degrees.
        """
        axes = Attitude(yaw, pitch, roll).axes @ Attitude(0, -90, 0).axes
        return cls(
            math.degrees(math.atan2(axes[1, 0], axes[0, 0])),
            math.degrees(-math.asin(np.clip(axes[2, 0], -1, 1))),
            math.degrees(math.atan2(axes[2, 1], axes[2, 2])),
        )

    @property
    def axes(self) -> Float64s:
        """The camera's own axes as columns of unit vectors (north, east, down), (3, 3)."""
        yaw, pitch, roll = np.radians(self)
        about_down = [[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]]
        about_right = [[np.cos(pitch), 0, np.sin(pitch)], [0, 1, 0], [-np.sin(pitch), 0, np.cos(pitch)]]
        about_sight = [[1, 0, 0], [0, np.cos(roll), -np.sin(roll)], [0, np.sin(roll), np.cos(roll)]]
        axes: Float64s = np.array(about_down) @ np.array(about_right) @ np.array(about_sight)
        return axes

    @property
    def elevation(self) -> float:
        """The line of sight's angle above the horizon, degrees; -90 is straight down."""
        return math.degrees(math.asin(np.clip(-self.axes[2, 0], -1, 1)))

    @property
    def off_nadir(self) -> float:
        """The angle between the line of sight and straight down, degrees."""
        return 90 + self.elevation

    @property
    def heading(self) -> float:
        """The direction of the line of sight, or of the image's top if the camera looks down steeply.

        Degrees clockwise from north, 0 <= heading < 360. An image that a roll of 180 turned has the heading
        of its turned top.
        """
        north, east, _ = -self.axes[:, 2] if self.elevation < STEEP else self.axes[:, 0]
        return normalise_heading(math.degrees(math.atan2(east, north)))


def normalise_heading(degrees: float) -> float:
    """Return a direction as rows have it: rounded, 0 <= heading < 360 degrees."""
    return round(degrees % 360, DECIMALS["heading"]) % 360  # so that 359.97 is not written as 360.0
