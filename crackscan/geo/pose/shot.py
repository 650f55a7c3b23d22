"""What a photo's row says besides its pixels: put together from a user's table, from EXIF and from XMP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from PIL import Image

from crackscan.basics.records import Pose, Position, PositionFrom, Window
from crackscan.geo.pose import exif
from crackscan.geo.pose.attitude import Attitude, compass
from crackscan.geo.pose.ground import NEAR_NADIR, Camera
from crackscan.geo.pose.xmp import read_xmp
from crackscan.reading import Photo

LEVEL = "the ground is taken to be level with the take-off point"


class PoseSources(NamedTuple):
    """What is known of a photo, by source; the first that says something counts."""

    table: Pose
    exif: Pose
    xmp: Pose
    direction: float | None  # EXIF's heading
    focal_px: float | None

    @property
    def placed(self) -> tuple[PositionFrom | None, Pose]:
        """Where the position is from, and the pose that has it."""
        sources: tuple[tuple[PositionFrom, Pose], ...] = (
            ("geo", self.table),
            ("exif", self.exif),
            ("xmp", self.xmp),
        )
        return next(((name, pose) for name, pose in sources if pose.lon is not None), (None, Pose()))

    @property
    def altitude(self) -> float | None:
        """The altitude, of which EXIF knows nothing where its position is none."""
        poses = (self.table, self.exif, self.xmp)
        return next((pose.altitude for pose in poses if pose.altitude is not None), None)

    @property
    def raised(self) -> Pose:
        """The pose that has the height."""
        return next((pose for pose in (self.table, self.xmp) if pose.height is not None), Pose())

    @property
    def aimed(self) -> Pose:
        """The pose that has the angles: they are taken together."""
        poses = (self.table, self.xmp)
        return next((pose for pose in poses if pose.yaw is not None or pose.pitch is not None), Pose())

    @property
    def attitude(self) -> Attitude | None:
        """All three angles, if they are known."""
        aimed = self.aimed
        if aimed.yaw is None or aimed.pitch is None or aimed.roll is None:
            return None
        return Attitude(aimed.yaw, aimed.pitch, aimed.roll)


@dataclass(frozen=True, slots=True)
class CameraView:
    """Where, when and whither a photo was taken, and which ground it shows."""

    columns: Mapping[str, Any]  # of its rows
    notes: tuple[str | None, ...]  # what a person should know of them
    _camera: Camera | None = None  # that saw the ground, where outlines are wanted
    _position: Position | None = None

    @classmethod
    def of(cls, photo: Photo, table: Pose | None, *, footprint: bool = False) -> Self:
        """Read a photo's metadata; what the user's table says comes first, then EXIF, then XMP.

        Args:
            photo: with its metadata.
            table: what the user's table says of it.
            footprint: whether `outline` is wanted.
        """
        metadata = Image.Exif() if photo.exif is None else photo.exif
        told = _told(metadata, photo, table or Pose())
        camera = _camera(told, photo.size)
        seen = camera if isinstance(camera, Camera) else None
        lacking = _lacking(camera, told, photo) if footprint else None
        notes = (
            photo.note,
            told.table.note,
            told.exif.note if told.table.lon is None else None,
            told.xmp.note,
            LEVEL if seen and told.raised.from_takeoff else None,
            lacking and f"no footprint: {lacking}",
        )
        columns = _columns(told, metadata) | {"mm_per_px": seen and seen.mm_per_px}
        _, place = told.placed
        if not footprint or lacking or place.lon is None or place.lat is None:
            return cls(columns, notes)
        return cls(columns, notes, seen, (place.lon, place.lat))

    def outline(self, window: Window | None) -> tuple[Position, ...] | None:
        """Return the ground that a window of the photo shows, or all of it, if that is wanted and known."""
        if self._camera is None or self._position is None:
            return None
        return self._camera.outline(self._position, window or Window(0, 0, *self._camera.size))


def taken_at(metadata: Image.Exif, packet: bytes | None, table: Pose | None) -> Position | None:
    """Return where a photo was taken: by the user's table, else by its EXIF, else by its XMP.

    packet: of XMP.
    """
    xmp = read_xmp(packet, maker=exif.maker(metadata))
    _, place = PoseSources(table or Pose(), exif.gps_position(metadata), xmp.pose, None, None).placed
    return None if place.lon is None or place.lat is None else (place.lon, place.lat)


def _told(metadata: Image.Exif, photo: Photo, table: Pose) -> PoseSources:
    xmp = read_xmp(photo.xmp, maker=exif.maker(metadata))
    focal_px = exif.focal_px(metadata, photo.size, calibrated_px=xmp.focal_px)
    return PoseSources(table, exif.gps_position(metadata), xmp.pose, exif.heading(metadata), focal_px)


def _columns(told: PoseSources, metadata: Image.Exif) -> dict[str, Any]:
    position_from, place = told.placed
    attitude, aimed = told.attitude, told.aimed
    if attitude is not None:
        heading: float | None = attitude.heading
    else:
        heading = told.direction if aimed.yaw is None else compass(aimed.yaw)
    return {
        "lon": place.lon,
        "lat": place.lat,
        "position_from": position_from,
        "altitude": told.altitude,
        "above_ground": told.raised.height,
        "captured_at": exif.captured_at(metadata),
        "heading": heading,
        "pitch": aimed.pitch if attitude is None else attitude.elevation,
    }


def _camera(told: PoseSources, size: tuple[int, int]) -> Camera | str:
    """Return the camera that saw the ground, or why there is none."""
    attitude, height = told.attitude, told.raised.height
    if attitude is None:
        return "the camera's angles are unknown"
    if attitude.off_nadir > NEAR_NADIR:
        return f"it looks more than {NEAR_NADIR:g} degrees off straight down"
    if height is None or height <= 0:
        return "its height above the ground is unknown"
    if told.focal_px is None:
        return "its focal length is unknown"
    return Camera(height, told.focal_px, attitude, size)


def _lacking(camera: Camera | str, told: PoseSources, photo: Photo) -> str | None:
    """Say why a photo gets no outline, or `None` if it does."""
    if isinstance(camera, str):
        return camera
    if told.placed[0] is None:
        return "its position is unknown"
    if not photo.stored_upright:  # of which frame the angles speak, makers do not say
        return "its EXIF orientation turns it"
    return None
