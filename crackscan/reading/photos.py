"""Photos: decoded completely, turned upright, with their metadata still raw."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic

import numpy as np
from PIL import ExifTags, Image, ImageOps
from pillow_heif import register_heif_opener

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import Stalled, Unreadable
from crackscan.basics.records import Window
from crackscan.reading.decoding import check_file_type, unreadable_errors
from crackscan.reading.header_limits import check_photo
from crackscan.reading.jpeg import jpeg_pixels
from crackscan.reading.patches import Mask, Patch, fit
from crackscan.reading.photo_metadata import complete_metadata
from crackscan.reading.photo_pixels import convert_to_rgb, turn_upright
from crackscan.reading.timeouts import call_with_timeout

ONE_TILE_LIMIT = 1.5  # a photo up to this many times the model's input is one tile, a larger one is cut
BATCH_BYTES = 12_000_000  # of pixels that are read before any is passed on: 80 tiles
UPRIGHT = 1  # EXIF orientation of a photo that need not be turned

register_heif_opener()  # phones write HEIC


@dataclass(frozen=True, slots=True)
class Photo:
    """A decoded photo, upright by its EXIF orientation, with its metadata still raw."""

    patch: Patch
    exif: Image.Exif | None
    note: str | None = None  # what a person should know about how it was read
    xmp: bytes | None = None
    stored_upright: bool = True  # False: its pixels were turned by its EXIF orientation

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px."""
        height, width = self.patch.pixels.shape[:2]
        return width, height


def read_photo(path: str | Path, *, timeout: float | None = None) -> Photo:
    """Decode a photo completely: only this finds a truncated file.

    Raises:
        Stalled: it does not answer for `timeout` seconds.
        Unreadable: it cannot be opened or decoded, or its pixels have no fixed scale.
    """
    with unreadable_errors(path):
        return call_with_timeout(timeout, partial(_decode_photo, path))


def read_photos(paths: Sequence[str], *, timeout: float | None = None) -> Iterator[list[Photo | Unreadable]]:
    """Yield lists of photos as `read_photo` returns them, or of the errors that it raises, in order.

    Small photos share a list, and with it the cost of watching the thread that reads. The timeout holds for
    each photo.
    """
    remaining = list(paths)
    while remaining:
        batch = _PhotoBatch(remaining)
        try:
            photos = call_with_timeout(timeout, batch.read, since=batch.photo_started)
        except Stalled as error:
            photos = batch.abandon(error, timeout or 0.0)
        yield photos
        remaining = remaining[len(photos) :]


class _PhotoBatch:
    """Reads photos one after the other, until they have many pixels or the caller stops waiting."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths, self._photos, self._abandoned = paths, list[Photo | Unreadable](), False
        self._started = monotonic()

    def photo_started(self) -> float:
        """Return when the photo that is now being read was begun, by `time.monotonic`."""
        return self._started

    def read(self) -> list[Photo | Unreadable]:
        """Return the first photo, and those after it while their pixels are few in total."""
        size = 0
        for path in self._paths:
            photo = _photo_or_error(path)
            if isinstance(photo, Photo):
                size += photo.patch.pixels.size
            self._started = monotonic()
            if self._abandoned:
                break
            self._photos.append(photo)
            if size > BATCH_BYTES:
                break
        return self._photos

    def abandon(self, error: Stalled, seconds: float) -> list[Photo | Unreadable]:
        """Return the photos read so far, and the error for the one that has not answered for so long."""
        self._abandoned = True
        stuck = monotonic() - self._started >= seconds  # False: it was finished at the last moment
        return [*self._photos, error] if stuck else list(self._photos)


def _photo_or_error(path: str) -> Photo | Unreadable:
    try:
        return read_photo(path)
    except Unreadable as error:
        return error


def _decode_photo(path: str | Path) -> Photo:
    check_file_type(path)
    with Image.open(path) as image:
        check_photo(image.size)
        complete_metadata(image)
        pixels, valid = jpeg_pixels(image), None
        if pixels is None:
            image.load()
            pixels, valid = convert_to_rgb(image)
        exif, orientation, note = _exif(image)
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # an MPO's other frames are previews of the same photo
            note = f"only the first of {frames} frames was read"
        valid = None if valid is None else turn_upright(valid, orientation)
        patch = Patch(turn_upright(pixels, orientation), valid)
        return Photo(patch, exif, note, _xmp(image), orientation == UPRIGHT)


def read_metadata(path: str | Path, *, timeout: float | None = None) -> tuple[Image.Exif, bytes | None]:
    """Return a photo's EXIF and XMP packet without decoding its pixels.

    Raises:
        Stalled: it does not answer for `timeout` seconds.
        Unreadable: it cannot be opened.
    """
    with unreadable_errors(path):
        return call_with_timeout(timeout, partial(_read_metadata, path))


def _read_metadata(path: str | Path) -> tuple[Image.Exif, bytes | None]:
    check_file_type(path)
    with Image.open(path) as image:
        complete_metadata(image)
        exif = image.getexif()
        exif.get_ifd(ExifTags.IFD.GPSInfo)  # else a TIFF's is read later, when its file is closed
        return exif, _xmp(image)


def read_tile(path: str | Path, window: Window | None, *, input_px: int) -> Pixels:
    """Return one window of a photo, or a whole small photo, at the size of the model's input.

    Raises:
        Unreadable: as `read_photo`, or the photo is larger than one tile and no window is given.
    """
    photo = read_photo(path)
    if window is None and not is_one_tile(*photo.size, input_px=input_px):
        width, height = photo.size
        raise Unreadable(f"{width} x {height} px is too large for one tile: cut it into tiles")
    patch = photo.patch if window is None else photo.patch.crop(window)
    return fit(patch.filled(), max(patch.pixels.shape), input_px)


def is_one_tile(width: int, height: int, *, input_px: int) -> bool:
    """Return whether a photo of this size is passed to the model as one tile."""
    return max(width, height) <= ONE_TILE_LIMIT * input_px


def read_mask(path: str | Path) -> Mask:
    """Return where a mask is above zero, bool, shape (height, width).

    Raises:
        Unreadable: it cannot be opened or decoded.
    """
    with unreadable_errors(path), Image.open(path) as image:
        values = np.asarray(ImageOps.exif_transpose(image))
        mask: Mask = np.atleast_3d(values)[..., :3].max(axis=-1) > 0
        return mask


def _xmp(image: Image.Image) -> bytes | None:
    packet = image.info.get("xmp")
    return packet if isinstance(packet, bytes) else None


def _exif(image: Image.Image) -> tuple[Image.Exif | None, int, str | None]:
    """Return the EXIF, its orientation and a note.

    Metadata too broken to read give a note; the photo is still scanned.
    """
    try:
        exif = image.getexif()
        for directory in (ExifTags.IFD.GPSInfo, ExifTags.IFD.Exif):
            exif.get_ifd(directory)  # else a TIFF's are read later, when its file is closed
        orientation = exif.get(ExifTags.Base.Orientation, UPRIGHT)
        return exif, orientation if orientation in range(1, 9) else UPRIGHT, None
    except Exception:  # noqa: BLE001 - Pillow raises nearly anything on broken EXIF
        return None, UPRIGHT, "EXIF unreadable"
