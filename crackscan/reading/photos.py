"""Photos: decoded whole, upright, with their metadata still raw."""

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
from crackscan.reading.pixels import rgb, upright
from crackscan.reading.timeouts import call_with_timeout

WHOLE_LIMIT = 1.5  # a photo up to this many times the model's input is judged whole, a larger one is tiled
TOGETHER_BYTES = 12_000_000  # of pixels that are read before any is judged: 80 tiles
UPRIGHT = 1  # EXIF's orientation of what need not be turned

register_heif_opener()  # what phones write


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
    with unreadable_errors(path):
        return call_with_timeout(timeout, partial(_photo, path))


def read_photos(paths: Sequence[str], *, timeout: float | None = None) -> Iterator[list[Photo | Unreadable]]:
    """Yield photos as `read_photo` gives them, or why it cannot; those of a list were read together.

    What is small shares a list, and with it what it costs to watch another thread read. `timeout` is of each.
    """
    left = list(paths)
    while left:
        reading = _Reading(left)
        try:
            found = call_with_timeout(timeout, reading.run, since=reading.since)
        except Stalled as fault:
            found = reading.leave(fault, timeout or 0.0)
        yield found
        left = left[len(found) :]


class _Reading:
    """Reads photos one after the other, until they are many pixels, or nobody waits for them any more."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths, self._found, self._left = paths, list[Photo | Unreadable](), False
        self._since = monotonic()

    def since(self) -> float:
        """Return when the photo that is being read was begun."""
        return self._since

    def run(self) -> list[Photo | Unreadable]:
        """Return the first photo, and those that follow while all of them are few pixels."""
        size = 0
        for path in self._paths:
            photo = _photo_or_fault(path)
            if isinstance(photo, Photo):
                size += photo.patch.pixels.size
            self._since = monotonic()
            if self._left:
                break
            self._found.append(photo)
            if size > TOGETHER_BYTES:
                break
        return self._found

    def leave(self, fault: Stalled, seconds: float) -> list[Photo | Unreadable]:
        """Return what was read so far, and the fault of what a thread has been stuck in for so long."""
        self._left = True
        stuck = monotonic() - self._since >= seconds  # or was it done at the last moment
        return [*self._found, fault] if stuck else list(self._found)


def _photo_or_fault(path: str) -> Photo | Unreadable:
    try:
        return read_photo(path)
    except Unreadable as fault:
        return fault


def _photo(path: str | Path) -> Photo:
    check_file_type(path)
    with Image.open(path) as image:
        check_photo(image.size)
        pixels, valid = jpeg_pixels(image), None
        if pixels is None:
            image.load()
            pixels, valid = rgb(image)
        exif, orientation, note = _exif(image)
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # an MPO's other frames are previews of the same photo
            note = f"first of {frames} frames judged"
        patch = Patch(upright(pixels, orientation), None if valid is None else upright(valid, orientation))
        return Photo(patch, exif, note, _xmp(image), orientation == UPRIGHT)


def read_metadata(path: str | Path, *, timeout: float | None = None) -> tuple[Image.Exif, bytes | None]:
    """Return a photo's EXIF and its packet of XMP without decoding it.

    Raises:
        Stalled: it does not answer for `timeout` seconds.
        Unreadable: it cannot be opened.
    """
    with unreadable_errors(path):
        return call_with_timeout(timeout, partial(_metadata, path))


def _metadata(path: str | Path) -> tuple[Image.Exif, bytes | None]:
    check_file_type(path)
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
    if window is None and not is_one_tile(*photo.size, input_px=input_px):
        width, height = photo.size
        raise Unreadable(f"{width} x {height} px is too large to be judged whole: cut it into tiles")
    patch = photo.patch if window is None else photo.patch.crop(window)
    return fit(patch.filled(), max(patch.pixels.shape), input_px)


def is_one_tile(width: int, height: int, *, input_px: int) -> bool:
    """Say whether a photo of this size is one tile."""
    return max(width, height) <= WHOLE_LIMIT * input_px


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
    """Return what EXIF says, with its orientation.

    Metadata too broken to read must not lose the photo: they give a note.
    """
    try:
        exif = image.getexif()
        for directory in (ExifTags.IFD.GPSInfo, ExifTags.IFD.Exif):
            exif.get_ifd(directory)  # else a TIFF's are read later, when its file is closed
        found = exif.get(ExifTags.Base.Orientation, UPRIGHT)
        return exif, found if found in range(1, 9) else UPRIGHT, None
    except Exception:  # noqa: BLE001 - as above
        return None, UPRIGHT, "EXIF unreadable"
