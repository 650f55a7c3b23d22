"""Frozen records that flow from the plan to the sinks, among them the one definition of a row."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Self

SCHEMA_VERSION = 4
MAX_OVERLAP = 0.95  # fraction of a tile
MIN_TILE_PX = 16
READ_TIMEOUT = 120.0  # seconds, unless the user says otherwise

Kind = Literal["photo", "tile", "mosaic", "crack"]
Per = Literal["photo", "tile", "crack"]
SourceKind = Literal["photo", "mosaic"]
Engine = Literal["litert-int8", "litert", "tensorflow"]
Status = Literal["ok", "nodata", "too_coarse", "unfamiliar", "unreadable"]
Label = Literal["crack", "no-crack"]
Review = Literal["crack", "no-crack", "unsure", "disagreement"]  # what all people say together
Position = tuple[float, float]  # (lon, lat), degrees, WGS 84
Line = tuple[Position, ...]  # a polyline; two positions or more
PositionFrom = Literal["geo", "exif", "xmp", "mosaic"]  # a table that the user gave, or the file itself


class Window(NamedTuple):
    """A rectangle of pixels, counted from the top left corner of the image as it is displayed."""

    col: int
    row: int
    width: int
    height: int


class MapGrid(NamedTuple):
    """The coordinate system and transform of a mosaic's pixels."""

    crs: str  # as PROJ reads it: EPSG:32633, or WKT
    transform: tuple[float, float, float, float, float, float]  # x = a col + b row + c, y = d col + e row + f


class FileSignature(NamedTuple):
    """Size and time of a file, which show whether it changed since it was scanned."""

    size: int  # bytes
    mtime_ns: int  # 0 for an object in a bucket
    parts: str | None = None  # digest of names, sizes and times of other files that belong to it; or an ETag


class Trace(NamedTuple):
    """A piece of a crack's centre line, without branches; pieces of one crack meet in equal end points."""

    points: tuple[tuple[float, float], ...]  # (col, row), px of the upright image, to 0.1 px; two or more
    probability: float  # mean along the line, 0..1
    width_px: float | None = None  # median of the widths along the line; None: it cannot be told
    max_width_px: float | None = None


@dataclass(frozen=True, slots=True)
class Pose:
    """Position and viewing direction of a camera, as one metadata source gives them; `None` is unknown.

    The angles are those of the camera, not of the aircraft: see `geo.pose.attitude.Attitude`.
    """

    lon: float | None = None
    lat: float | None = None
    altitude: float | None = None  # m, above sea level or the ellipsoid, as the source counts
    height: float | None = None  # m, above the ground or, where `from_takeoff`, above the take-off point
    from_takeoff: bool = False
    yaw: float | None = None  # degrees
    pitch: float | None = None
    roll: float | None = None
    note: str | None = None  # a warning for the row's reason


@dataclass(frozen=True, slots=True)
class PhotoLimit:
    """The cluster mass from which a photo of this many tiles is called cracked; see `photo_decision`."""

    tiles: int
    cluster_mass: float  # log-odds above the threshold's, summed over tiles that touch


@dataclass(frozen=True, slots=True)
class TileOptions:
    """How sources are read and cut into tiles; travels with every Work."""

    tile_px: int
    overlap: float = 0.0  # fraction of a tile that it shares with the next, 0 <= overlap < 1
    per: Per = "photo"  # a photo gives one row, or one for each of its tiles; or each crack gives one
    lines: bool = False  # whether cracks are traced; then `per` decides only which rows are written
    input_px: int | None = None  # side of the model's input, where cracks are traced; None: as tile_px
    crs: str | None = None  # of mosaics that name no coordinate system
    footprint: bool = False  # whether photos that look straight down get the ground they show as outline
    target_mm_per_px: float | None = None  # mosaics of finer pixels are resampled to this resolution
    read_timeout: float | None = None  # seconds after which a file that does not answer is unreadable


@dataclass(frozen=True, slots=True)
class RowOptions:
    """How predictions become rows: what is assessed at all, and what is called cracked."""

    threshold: float  # a tile of this probability or more is cracked, 0..1
    photo_limits: tuple[PhotoLimit, ...] = ()  # without them a single cracked tile makes a photo cracked
    max_distance: float | None = None  # a tile farther from concrete is unfamiliar
    judge_unfamiliar: bool = False  # assess unfamiliar tiles nevertheless, with a reason that says so
    max_mm_per_px: float | None = None  # a mosaic of coarser pixels is too coarse
    judge_too_coarse: bool = False  # assess it nevertheless, with a reason that says so
    line_floor: float = 0.05  # in a tile of this probability or more cracks are traced, 0..1
    crack_threshold: float = 0.5  # a traced crack of this probability or more is written, 0..1
    min_length_px: float | None = None  # of a crack that is written, px of the image; None: as it was judged


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """All that decides a scan's rows besides the pixels and the model."""

    tiles: TileOptions
    rows: RowOptions
    aoi: str | None = None  # digest of the areas that the scan is limited to

    def with_rows(self, **changes: Any) -> Self:
        """Return the options with changed row options, such as threshold=0.3."""
        return replace(self, rows=replace(self.rows, **changes))


@dataclass(frozen=True, slots=True)
class Work:
    """The unit of work: a photo, a window of a photo, or a band of a mosaic, whole or in part.

    It holds no open file.
    """

    source: str  # as it stands in the row
    path: str  # as it is opened
    kind: SourceKind
    options: TileOptions
    window: Window | None = None  # the part to judge; None is all of it
    fault: str | None = None  # why it cannot be read, where planning noticed that already
    signature: FileSignature | None = None  # of the file when a journal planned it
    pose: Pose | None = None  # of a photo, from the user's table; overrules the photo's metadata
    side_px: int | None = None  # of a tile in the mosaic's own pixels, where it is resampled
    identity: str | None = (
        None  # of a mosaic: digest of the size, position and meaning that were planned with
    )
    folders: tuple[str, ...] = ()  # that the user named: the parts of a VRT may lie there

    @property
    def tile_px(self) -> int:
        """The side of a tile in the pixels of the file."""
        return self.side_px or self.options.tile_px

    @property
    def mosaic(self) -> str | None:
        """The path of the mosaic that this is a band of, else None; bands of one mosaic are read together."""
        return self.path if self.kind == "mosaic" and self.fault is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row of a scan: a photo, a tile of a photo or a mosaic, or a crack.

    Its fields, in this order, are the columns of every format. `None` is "unknown" and is written as an
    empty cell or a null.
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
    altitude: float | None = None  # m above sea level or the ellipsoid, as recorded
    above_ground: float | None = None  # m; above the take-off point where a drone records only that
    mm_per_px: float | None = None
    judged_mm_per_px: float | None = None  # as judged: larger than mm_per_px where a mosaic was resampled
    length_px: float | None = None  # of a crack with its branches, px of the image, like its widths
    width_px: float | None = None  # median along the crack
    max_width_px: float | None = None
    length_m: float | None = None
    width_mm: float | None = None
    max_width_mm: float | None = None
    captured_at: str | None = None  # ISO 8601, with an offset where the photo gives one
    heading: float | None = None  # degrees clockwise from north
    pitch: float | None = None  # degrees above the horizon; -90 is straight down
    reason: str | None = None
    model: str | None = None
    pixels: str | None = None  # a crack's lines in px of the image, WKT
    outline: tuple[Position, ...] | None = None  # corners, counter-clockwise, none repeated; no column
    grid: MapGrid | None = None  # of the mosaic that a tile is from; no column
    distance: float | None = None  # of its nearest tile from concrete, 0 and up; no column
    judged: tuple[tuple[Window, float], ...] = ()  # a photo's assessed tiles with probabilities; no column
    traces: tuple[Trace, ...] = ()  # of cracks that begin in this photo or tile, or of this crack; no column
    lines: tuple[Line, ...] = ()  # of a crack on the map; no column

    @property
    def window(self) -> Window | None:
        """The pixels that `probability` is about, in the image as it is displayed."""
        if self.col is None or self.row is None or self.width is None or self.height is None:
            return None
        return Window(self.col, self.row, self.width, self.height)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedResult(Result):
    """A row with what people said about it; its label is theirs where they agree.

    Its fields are columns only of outputs that are asked to have them.
    """

    review: Review | None = None  # None: nobody has judged it
    reviewer: str | None = None  # names, separated by commas
    reviewed_at: str | None = None  # of the latest verdict, ISO 8601, UTC
    flagged: Literal["yes"] | None = None
    review_note: str | None = None


_NO_COLUMN = {"outline", "grid", "distance", "judged", "traces", "lines"}
COLUMNS = tuple(field.name for field in fields(Result) if field.name not in _NO_COLUMN)
REVIEW_COLUMNS = tuple(field.name for field in fields(ReviewedResult))[len(fields(Result)) :]

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
        "length_px": 1,
        "width_px": 2,
        "max_width_px": 2,
        "length_m": 4,
        "width_mm": 2,
        "max_width_mm": 2,
        "heading": 1,
        "pitch": 1,
        "distance": 3,
    }
)
