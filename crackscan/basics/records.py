"""The frozen records that flow from planning to the sinks. One definition of a row lives here."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Literal, NamedTuple

SCHEMA_VERSION = 3

Kind = Literal["photo", "tile"]
SourceKind = Literal["photo", "mosaic"]
Engine = Literal["litert-int8", "litert", "tensorflow", "tensorflow-float16"]
Status = Literal["ok", "nodata", "too_coarse", "unfamiliar", "unreadable"]
Label = Literal["crack", "no-crack"]
Position = tuple[float, float]  # (lon, lat), degrees, WGS 84
PositionFrom = Literal["geo", "exif", "xmp", "mosaic"]  # a table that the user gave, or the file itself


class Window(NamedTuple):
    """A rectangle of pixels, counted from the top left corner of the image as it is displayed."""

    col: int
    row: int
    width: int
    height: int


class MapGrid(NamedTuple):
    """What ties the pixels of a mosaic to its own map."""

    crs: str  # as PROJ reads it: EPSG:32633, or WKT
    transform: tuple[float, float, float, float, float, float]  # x = a col + b row + c, y = d col + e row + f


class FileSignature(NamedTuple):
    """Size and time of change of a file, to detect whether it has changed since it was scanned."""

    size: int  # bytes
    mtime_ns: int
    parts: str | None = None  # digest of names, sizes and times of the other files that it depends on


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a camera was and whither it looked, as one source tells it; `None` is what that does not say.

    The angles are those of `pose.attitude.Attitude`: of the camera, not of the aircraft.
    """

    lon: float | None = None
    lat: float | None = None
    altitude: float | None = None  # m, above what the source counts from: the sea, or the ellipsoid
    height: float | None = None  # m, above the ground or, where `from_takeoff`, above the take-off point
    from_takeoff: bool = False
    yaw: float | None = None  # degrees
    pitch: float | None = None
    roll: float | None = None
    note: str | None = None  # what a person should know about it


@dataclass(frozen=True, slots=True)
class PhotoLimit:
    """From which evidence a photo of so many tiles is called cracked; see `decision`."""

    tiles: int
    evidence: float  # log-odds above the threshold's, summed over tiles that touch


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What decides a row besides the pixels and the model; travels with every Work."""

    tile_px: int
    threshold: float
    overlap: float = (
        0.0  # fraction of a tile shared with the next, 0 <= overlap < 1; by sevenths: `grid.together`
    )
    per: Kind = "photo"  # what a photo gets: one row, or one a tile
    crs: str | None = None  # stands in where a mosaic names no coordinate system
    max_distance: float | None = None  # a tile at a larger distance from the training tiles is unfamiliar
    judge_unfamiliar: bool = False  # nevertheless, with a reason that says so
    footprint: bool = False  # whether the outline of a photo that looks straight down is its ground
    target_mm_per_px: float | None = None  # mm per px: a mosaic of finer pixels is judged at this resolution
    max_mm_per_px: float | None = None  # mm per px: a mosaic of coarser pixels is not judged
    judge_too_coarse: bool = False  # nevertheless, with a reason that says so
    aoi: str | None = None  # digest of the areas to which the plan keeps
    read_timeout: float | None = None  # seconds until what does not answer is unreadable
    photo_limits: tuple[PhotoLimit, ...] = ()  # none: one tile from the threshold up makes a photo cracked


@dataclass(frozen=True, slots=True)
class Work:
    """The one unit of planning, judging, recording and handing out; holds no open file.

    A photo, one window of a photo (a labelled tile of it), or one row band of a mosaic, or a part of it.
    """

    source: str  # as it stands in the row
    path: str  # as it is opened
    kind: SourceKind
    options: ScanOptions
    window: Window | None = None  # the part to judge; None is all of it
    fault: str | None = None  # why planning already knows that it cannot be read
    signature: FileSignature | None = None  # of the file as a journal planned it
    pose: Pose | None = None  # of a photo, from the user's table: overrules what the photo says
    side_px: int | None = None  # of a mosaic's tiles in its own pixels, where they are resampled

    @property
    def tile_px(self) -> int:
        """The side of a tile in the pixels of the file."""
        return self.side_px or self.options.tile_px

    @property
    def mosaic(self) -> str | None:
        """The path of the mosaic of which this is a band: neighbours that share it are read best together."""
        return self.path if self.kind == "mosaic" and self.fault is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row: its fields, in this order, are the columns of every format.

    `None` is "unknown" and is written as an empty cell or a null.
    """

    source: str
    kind: Kind
    status: Status
    label: Label | None = None
    probability: float | None = None  # calibrated, 0..1
    col: int | None = None
    row: int | None = None
    width: int | None = None
    height: int | None = None
    peak_col: int | None = None  # px, of the image, like `col`
    peak_row: int | None = None
    tiles: int | None = None
    crack_tiles: int | None = None
    valid: float | None = None  # fraction of the pixels that hold data, 0..1
    lon: float | None = None
    lat: float | None = None
    position_from: PositionFrom | None = None
    altitude: float | None = None  # m, as recorded: above the sea, or the ellipsoid
    above_ground: float | None = None  # m; or above the take-off point, where a drone knows no more
    mm_per_px: float | None = None
    judged_mm_per_px: float | None = None  # of what was judged: larger where it was resampled
    captured_at: str | None = None  # ISO 8601, with an offset where the photo gives one
    heading: float | None = None  # degrees clockwise from north
    pitch: float | None = None  # degrees above the horizon; -90 is straight down
    reason: str | None = None
    model: str | None = None
    outline: tuple[Position, ...] | None = None  # corners, counter-clockwise, none repeated; no column
    grid: MapGrid | None = None  # of the mosaic that a tile is of; no column
    distance: float | None = None  # of the most familiar tile from the training tiles, 0 and up; no column
    judged: tuple[tuple[Window, float], ...] = ()  # of a photo: its assessed tiles, probabilities; no column

    @property
    def window(self) -> Window | None:
        """The pixels that `probability` speaks of."""
        if self.col is None or self.row is None or self.width is None or self.height is None:
            return None
        return Window(self.col, self.row, self.width, self.height)


_NO_COLUMN = {"outline", "grid", "distance", "judged"}
COLUMNS = tuple(field.name for field in fields(Result) if field.name not in _NO_COLUMN)

# Fixed, so that a first page of zeros and ones is not guessed to be integers further down the pipe.
DECIMALS: Mapping[str, int] = MappingProxyType(
    {
        "probability": 6,
        "valid": 4,
        "lon": 9,  # 0.1 mm; six would turn a tile 5 cm wide into a sliver
        "lat": 9,
        "altitude": 3,
        "above_ground": 3,
        "mm_per_px": 3,
        "judged_mm_per_px": 3,
        "heading": 1,
        "pitch": 1,
        "distance": 3,
    }
)
