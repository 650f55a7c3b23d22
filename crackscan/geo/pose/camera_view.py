"""Position, direction and footprint of a photo, merged from a user's table, EXIF and XMP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from PIL import Image

from crackscan.basics.records import Pose, Position, PositionFrom, Window
from crackscan.geo.pose import exif
from crackscan.geo.pose.attitude import Attitude, normalise_heading
from crackscan.geo.pose.footprint import MAX_OFF_NADIR, Camera
from crackscan.geo.pose.xmp import read_xmp
from crackscan.reading import Photo

LEVEL = "the ground is taken to be level with the take-off point"


class PoseSources(NamedTuple):
    """Poses of a photo by source; the first source that has a value counts."""

    table: Pose
    exif: Pose
    xmp: Pose
    exif_heading: float | None  # degrees clockwise from true north, also by XMP's own properties for EXIF
    focal_px: float | None
    captured_at: str | None = None  # ISO 8601

    @property
    def position_from(self) -> tuple[PositionFrom | None, Pose]:
        """The name of the source that has the position, and its pose; None and an empty pose without one."""
        sources: tuple[tuple[PositionFrom, Pose], ...] = (
            ("geo", self.table),
            ("exif", self.exif),
            ("xmp", self.xmp),
        )
        return next(((name, pose) for name, pose in sources if pose.lon is not None), (None, Pose()))

    @property
    def position(self) -> Position | None:
        """(lon, lat), degrees."""
        _, pose = self.position_from
        return None if pose.lon is None or pose.lat is None else (pose.lon, pose.lat)

    @property
    def altitude(self) -> float | None:
        """The altitude in m; an EXIF without a usable position has none."""
        poses = (self.table, self.exif, self.xmp)
        return next((pose.altitude for pose in poses if pose.altitude is not None), None)

    @property
    def height_from(self) -> Pose:
        """The pose that has the height above the ground or the take-off point."""
        return next((pose for pose in (self.table, self.xmp) if pose.height is not None), Pose())

    @property
    def angles_from(self) -> Pose:
        """The pose that has the angles: those of two sources are not mixed."""
        poses = (self.table, self.xmp)
        return next((pose for pose in poses if pose.yaw is not None or pose.pitch is not None), Pose())

    @property
    def attitude(self) -> Attitude | None:
        """The camera's attitude, if all three angles are known."""
        pose = self.angles_from
        if pose.yaw is None or pose.pitch is None or pose.roll is None:
            return None
        return Attitude(pose.yaw, pose.pitch, pose.roll)


@dataclass(frozen=True, slots=True)
class CameraView:
    """When and from where a photo was taken, its direction, and the ground that it shows."""

    columns: Mapping[str, Any]  # of its rows
    notes: tuple[str | None, ...]  # what a person should know about them
    _camera: Camera | None = None  # only where outlines are wanted and known
    _position: Position | None = None

    @classmethod
    def from_photo(cls, photo: Photo, table: Pose | None, *, footprint: bool = False) -> Self:
        """Merge a photo's pose from the user's table, else from EXIF, else from XMP.

        Args:
            photo: with its metadata.
            table: the pose that the user's table has for the photo, if any.
            footprint: whether `outline` is wanted.
        """
        metadata = Image.Exif() if photo.exif is None else photo.exif
        sources = _read_sources(metadata, photo, table or Pose())
        camera = _make_camera(sources, photo.size)
        known = camera if isinstance(camera, Camera) else None
        obstacle = _find_obstacle(camera, sources, photo) if footprint else None
        notes = (
            photo.note,
            sources.table.note,
            sources.exif.note if sources.table.lon is None else None,
            sources.xmp.note,
            LEVEL if known and sources.height_from.from_takeoff else None,
            obstacle and f"no footprint: {obstacle}",
        )
        columns = _make_columns(sources) | {"mm_per_px": known and known.mm_per_px}
        if not footprint or obstacle or sources.position is None:
            return cls(columns, notes)
        return cls(columns, notes, known, sources.position)

    def outline(self, window: Window | None) -> tuple[Position, ...] | None:
        """Return the outline of the ground that a window shows, counter-clockwise, (lon, lat) in degrees.

        window: px of the photo; None is all of it.

        Returns: None where outlines are not wanted or not known.
        """
        if self._camera is None or self._position is None:
            return None
        return self._camera.outline(self._position, window or Window(0, 0, *self._camera.size))


def locate_photo(metadata: Image.Exif, packet: bytes | None, table: Pose | None) -> Position | None:
    """Return where a photo was taken, (lon, lat) in degrees: by the table, else by EXIF, else by XMP.

    Args:
        metadata: its EXIF.
        packet: its XMP, as bytes of the file.
        table: the pose that the user's table has for the photo, if any.
    """
    xmp = read_xmp(packet, maker=exif.maker(metadata))
    return PoseSources(table or Pose(), exif.gps_position(metadata), xmp.pose, None, None).position


def _read_sources(metadata: Image.Exif, photo: Photo, table: Pose) -> PoseSources:
    xmp = read_xmp(photo.xmp, maker=exif.maker(metadata))
    focal_px = exif.focal_px(metadata, photo.size, calibrated_px=xmp.focal_px)
    exif_heading = exif.heading(metadata)
    return PoseSources(
        table,
        exif.gps_position(metadata),
        xmp.pose,
        xmp.heading if exif_heading is None else exif_heading,
        focal_px,
        exif.captured_at(metadata) or xmp.captured_at,
    )


def _make_columns(sources: PoseSources) -> dict[str, Any]:
    position_from, pose = sources.position_from
    return {
        "lon": pose.lon,
        "lat": pose.lat,
        "position_from": position_from,
        "altitude": sources.altitude,
        "above_ground": sources.height_from.height,
        "captured_at": sources.captured_at,
        "heading": _choose_heading(sources),
        "pitch": sources.angles_from.pitch if sources.attitude is None else sources.attitude.elevation,
    }


def _choose_heading(sources: PoseSources) -> float | None:
    """Return the heading in degrees: by all angles, else by the yaw, else by EXIF."""
    if sources.attitude is not None:
        return sources.attitude.heading
    yaw = sources.angles_from.yaw
    return sources.exif_heading if yaw is None else normalise_heading(yaw)


def _make_camera(sources: PoseSources, size: tuple[int, int]) -> Camera | str:
    """Return the camera of a photo that looks down, or in words why that is not known."""
    attitude, height = sources.attitude, sources.height_from.height
    if attitude is None:
        return "the camera's angles are unknown"
    if attitude.off_nadir > MAX_OFF_NADIR:
        return f"it looks more than {MAX_OFF_NADIR:g} degrees off straight down"
    if height is None or height <= 0:
        return "its height above the ground is unknown"
    if sources.focal_px is None:
        return "its focal length is unknown"
    return Camera(height, sources.focal_px, attitude, size)


def _find_obstacle(camera: Camera | str, sources: PoseSources, photo: Photo) -> str | None:
    """Return in words why a photo gets no outline, or None if it does."""
    if isinstance(camera, str):
        return camera
    if sources.position is None:
        return "its position is unknown"
    if not photo.stored_upright:  # makers do not say whether the angles are those of the turned image
        return "its EXIF orientation turns it"
    return None
