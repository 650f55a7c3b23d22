"""The only reader of pixels: photos and windows of mosaics come out as uint8 RGB and a mask of what is valid.

Train, evaluate and scan all read through here, so that the three cannot disagree about a picture.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps
from pillow_heif import register_heif_opener

from crackscan import colours, grid
from crackscan.claims import check_mosaic, check_photo
from crackscan.decoding import check_kind, decoding
from crackscan.errors import Stalled, Unreadable
from crackscan.pixels import grey_to_rgb, rgb, to_uint8
from crackscan.records import Window
from crackscan.sparse import Blocks
from crackscan.virtual import Parts
from crackscan.waiting import within

if TYPE_CHECKING:
    from rasterio import DatasetReader

Pixels = NDArray[np.uint8]  # RGB, shape (height, width, 3), 0..255
Valid = NDArray[np.bool_]  # shape (height, width)

BLOCK_CACHE = "160MB"  # holds the strips of two bands of 100,000 px; GDAL's own is 5 % of the machine
WHOLE_LIMIT = 1.5  # a photo up to this many times the model's input is judged whole, a larger one is tiled
UPRIGHT, *TURNED = range(1, 9)  # EXIF's orientations

register_heif_opener()  # what phones write


class Patch(NamedTuple):
    """A piece of an image: its pixels, and which of them hold data (None: all of them)."""

    pixels: Pixels
    valid: Valid | None
    mean_of: int = 1  # pixels of the file, each way, whose mean is one of these

    @property
    def valid_fraction(self) -> float:
        """How much of the piece holds data, 0..1."""
        return 1.0 if self.valid is None else float(self.valid.mean())

    def crop(self, window: Window) -> "Patch":
        """Return the part inside a window, which counts from this piece's own corner."""
        area = np.s_[window.row : window.row + window.height, window.col : window.col + window.width]
        return Patch(self.pixels[area], None if self.valid is None else self.valid[area])

    def crops(self, windows: Sequence[Window]) -> list["Patch"]:
        """Return the parts inside of windows."""
        return [self.crop(window) for window in windows]

    def filled(self) -> Pixels:
        """Return the pixels with the mean colour of the valid ones where there is no data.

        Black or white there would put an edge into the tile that looks like a joint.
        """
        if self.valid is None or self.valid.all() or not self.valid.any():
            return self.pixels
        pixels = self.pixels.copy()
        pixels[~self.valid] = self.pixels[self.valid].mean(axis=0).round()
        return pixels


NOTHING = Patch(np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.bool_))  # of any size: none of it is valid


@dataclass(frozen=True, slots=True)
class Photo:
    """A decoded photo, upright as its EXIF orientation says, with its metadata still raw."""

    patch: Patch
    exif: Image.Exif | None
    note: str | None = None  # what a person should know of how it was read
    xmp: bytes | None = None
    stored_upright: bool = True  # else its pixels were turned as EXIF says

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        height, width = self.patch.pixels.shape[:2]
        return width, height


def read_photo(path: str | Path, *, timeout: float | None = None) -> Photo:
    """Decode a photo fully: a truncated file passes every check but this one.

    Raises:
        Stalled: it does not answer for `timeout` seconds.
        Unreadable: it cannot be opened or decoded, or its pixels have no fixed scale.
    """
    with decoding(path):
        return within(timeout, partial(_photo, path))


def _photo(path: str | Path) -> Photo:
    check_kind(path)
    with Image.open(path) as image:
        check_photo(image.size)
        image.load()
        xmp = _xmp(image)
        exif, upright, note = _upright(image)
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # an MPO's other frames are previews of the same photo
            note = f"first of {frames} frames judged"
        return Photo(Patch(*rgb(image)), exif, note, xmp, upright)


def read_metadata(path: str | Path, *, timeout: float | None = None) -> tuple[Image.Exif, bytes | None]:
    """Return a photo's EXIF and its packet of XMP without decoding it.

    Raises:
        Stalled: it does not answer for `timeout` seconds.
        Unreadable: it cannot be opened.
    """
    with decoding(path):
        return within(timeout, partial(_metadata, path))


def _metadata(path: str | Path) -> tuple[Image.Exif, bytes | None]:
    check_kind(path)
    with Image.open(path) as image:
        exif = image.getexif()
        exif.get_ifd(ExifTags.IFD.GPSInfo)  # else a TIFF's is read later, when its file is closed
        return exif, _xmp(image)


def read_tile(path: str | Path, window: Window | None, *, input_px: int) -> Pixels:
    """Return one window of a photo, or all of a small photo, as the model sees it.

    Raises:
        Unreadable: as `read_photo`, or the photo is too large to be judged whole.
    """
    photo = read_photo(path)
    if window is None and not judged_whole(*photo.size, input_px=input_px):
        width, height = photo.size
        raise Unreadable(f"{width} x {height} px is too large to be judged whole: cut it into tiles")
    patch = photo.patch if window is None else photo.patch.crop(window)
    return fit(patch.filled(), max(patch.pixels.shape), input_px)


def judged_whole(width: int, height: int, *, input_px: int) -> bool:
    """Say whether a photo of this size is one tile."""
    return max(width, height) <= WHOLE_LIMIT * input_px


def read_mask(path: str | Path) -> Valid:
    """Return where a mask is above zero, bool, shape (height, width).

    Raises:
        Unreadable: it cannot be opened or decoded.
    """
    with decoding(path), Image.open(path) as image:
        values = np.asarray(ImageOps.exif_transpose(image))
        mask: Valid = np.atleast_3d(values)[..., :3].max(axis=-1) > 0
        return mask


def fit(pixels: Pixels, tile_px: int, input_px: int) -> Pixels:
    """Bring a tile to the model's input, uint8 (input_px, input_px, 3).

    What is smaller than a tile is mirrored at its edges, at its own scale: stretching would change
    the width of cracks, and a border would look like one. Then the square is resized, antialiased.
    """
    height, width = pixels.shape[:2]
    if (height, width) != (tile_px, tile_px):
        margin = ((0, tile_px - height), (0, tile_px - width), (0, 0))
        pixels = np.pad(pixels, margin, mode="symmetric")
    if tile_px == input_px:
        return np.ascontiguousarray(pixels)
    return np.asarray(
        Image.fromarray(pixels).resize((input_px, input_px), Image.Resampling.BILINEAR),
    )


def _xmp(image: Image.Image) -> bytes | None:
    packet = image.info.get("xmp")
    return packet if isinstance(packet, bytes) else None


def _upright(image: Image.Image) -> tuple[Image.Exif | None, bool, str | None]:
    """Turn an image as its EXIF says, and say whether it was upright.

    Metadata too broken to read must not lose the photo: it gives a note.
    """
    try:
        exif = image.getexif()
        for directory in (ExifTags.IFD.GPSInfo, ExifTags.IFD.Exif):
            exif.get_ifd(directory)  # else a TIFF's are read later, when its file is closed
        upright = exif.get(ExifTags.Base.Orientation, UPRIGHT) not in TURNED
        ImageOps.exif_transpose(image, in_place=True)
    except Exception:  # noqa: BLE001 - as above
        return None, True, "EXIF unreadable"
    return exif, upright, None


class Mosaic:
    """A raster open for windowed reading; give each worker its own (GDAL's handles are not thread-safe)."""

    def __init__(self, dataset: "DatasetReader", timeout: float | None = None) -> None:
        self.dataset = dataset
        self._timeout = timeout
        self._indexes = colours.colour_indexes(dataset)
        self._bits = colours.bits(dataset)
        self._palette = colours.palette(dataset) if len(self._indexes) == 1 else None
        self._held = Parts(dataset) if dataset.driver == "VRT" else Blocks(dataset)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        return self.dataset.width, self.dataset.height

    def read_tiles(self, windows: Sequence[Window], *, mean_of: int = 1) -> list[Patch]:
        """Return the pixels of neighbouring windows; one read serves all, unless means are wanted.

        Windows of which the file holds nothing are not read: no pixel of theirs is valid.

        Raises:
            Unreadable: as `read`.
        """
        with decoding(self.dataset.name):
            return within(self._timeout, partial(self._read_tiles, windows, mean_of))

    def _read_tiles(self, windows: Sequence[Window], mean_of: int) -> list[Patch]:
        held = tuple(window for window in windows if self._held.holds(window))
        if mean_of > 1:  # each by itself, lest its means depend on where its neighbours begin
            found = {window: self._read(window, mean_of) for window in held}
        elif held:
            area = grid.around(held)
            patch = self._read(area, 1)
            found = {window: patch.crop(grid.within(window, area)) for window in held}
        else:
            found = {}
        return [found.get(window) or NOTHING for window in windows]

    def read(self, window: Window, *, mean_of: int = 1) -> Patch:
        """Return a window's pixels, and which are valid by mask, alpha or nodata value: never by colour.

        Args:
            window: to read.
            mean_of: pixels of the file, each way, of which one pixel is the mean; overviews serve for it.

        Raises:
            Stalled: it does not answer.
            Unreadable: the file cannot be read there.
        """
        with decoding(self.dataset.name):
            return within(self._timeout, partial(self._read, window, mean_of))

    def _read(self, window: Window, mean_of: int) -> Patch:
        from rasterio.enums import Resampling
        from rasterio.env import env_ctx_if_needed
        from rasterio.windows import Window as Area

        area, shape = Area(*window), (-(-window.height // mean_of), -(-window.width // mean_of))
        how = Resampling.nearest if mean_of == 1 or self._palette is not None else Resampling.average
        each = (len(self._indexes), *shape)
        with env_ctx_if_needed():  # each thread needs its own, or GDAL prints what rasterio raises
            values = self.dataset.read(self._indexes, window=area, out_shape=each, resampling=how)
            valid = self.dataset.dataset_mask(window=area, out_shape=shape) > 0
            if colours.unnamed_alpha(self.dataset):
                valid &= self.dataset.read(4, window=area, out_shape=shape) > 0
            if (held := self._held.spread(window, shape)) is not None:
                valid &= held
        return Patch(self._pixels(values), None if valid.all() else valid, mean_of)

    def _pixels(self, values: NDArray[Any]) -> Pixels:
        if self._palette is not None:
            return self._palette[values[0]]  # type: ignore[no-any-return]
        eight_bit = values if self._bits == 8 else to_uint8(values, bits=self._bits)
        return (
            grey_to_rgb(eight_bit[0])
            if len(eight_bit) == 1
            else np.ascontiguousarray(eight_bit.transpose(1, 2, 0))
        )


@contextmanager
def open_mosaic(path: str | Path, *, timeout: float | None = None) -> Iterator[Mosaic]:
    """Open a GeoTIFF, VRT or any raster that GDAL reads.

    Raises:
        Stalled: it does not answer for `timeout` seconds, now or in a read.
        Unreadable: it cannot be opened, or its pixels have no fixed scale.
    """
    with decoding(path):
        mosaic = within(timeout, partial(_mosaic, path, timeout))
    with ExitStack() as at_end:
        at_end.enter_context(mosaic.dataset)
        try:
            yield mosaic
        except Stalled:
            at_end.pop_all()  # a thread still reads: closing would pull the file from under it
            raise


def _mosaic(path: str | Path, timeout: float | None) -> Mosaic:
    os.environ.setdefault("GDAL_CACHEMAX", BLOCK_CACHE)
    import rasterio  # a second of import that a run over photos does without

    check_kind(path)
    dataset = rasterio.open(path)
    try:
        check_mosaic(dataset)
        return Mosaic(dataset, timeout)
    except BaseException:
        dataset.close()
        raise
