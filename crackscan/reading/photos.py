"""Photos: decoded completely, turned upright, with their metadata still raw."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic

from PIL import ExifTags, Image, UnidentifiedImageError

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import Stalled, Unreadable
from crackscan.basics.records import FileSignature, Window
from crackscan.reading.decoding import unreadable_errors
from crackscan.reading.header_limits import LARGEST_PIECE_PX
from crackscan.reading.jpeg import jpeg_pixels, load_undamaged
from crackscan.reading.locations import local_copy, open_binary
from crackscan.reading.lost_blocks import check_for_zeros
from crackscan.reading.mask_values import crack_limit, mask_values
from crackscan.reading.mosaics import open_mosaic
from crackscan.reading.patches import Mask, Patch, fit
from crackscan.reading.photo_pixels import decode_to_rgb, turn_upright
from crackscan.reading.picture_files import count_pictures, is_later_page, is_tiff, open_picture
from crackscan.reading.timeouts import call_with_timeout

ONE_TILE_LIMIT = 1.5  # a photo up to this many times the model's input is one tile, a larger one is cut
LABELLED_TILE_LIMIT = (
    2.25  # a labelled picture is learned whole up to here: nobody knows the labels of its parts
)
BATCH_BYTES = 12_000_000  # of pixels that are read before any is passed on: 80 tiles
UPRIGHT = 1  # EXIF orientation of a photo that need not be turned


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
        return call_with_timeout(timeout, partial(_decode_copy, path))


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


def _decode_copy(name: str | Path) -> Photo:
    with local_copy(name) as path, unreadable_errors(path):
        return _decode_photo(path)


def _decode_photo(path: str | Path) -> Photo:
    try:
        with open_picture(path) as image:
            return _decode_picture(path, image)
    except Exception as error:
        photo = _decode_by_gdal(path, error)
        if photo is None:
            raise
        return photo


def _decode_picture(path: str | Path, image: Image.Image) -> Photo:
    check_for_zeros(path, image)
    pictures, later_page = count_pictures(image), is_later_page(image)
    pixels, valid = jpeg_pixels(image), None
    if pixels is None:
        pixels, valid = decode_to_rgb(image)
    exif, orientation, note = _exif(image)
    if later_page and not (exif and exif.get_ifd(ExifTags.IFD.GPSInfo)):
        exif = _exif_of_tiff(path)[0] or exif
    if pictures > 1 and image.format != "MPO":  # an MPO's other frames are previews of the same photo
        note = f"only the first of {pictures} frames was read"
    valid = None if valid is None else turn_upright(valid, orientation)
    patch = Patch(turn_upright(pixels, orientation), valid)
    return Photo(patch, exif, note, _xmp(image), orientation == UPRIGHT)


def _decode_by_gdal(path: str | Path, error: Exception) -> Photo | None:
    """Decode a TIFF of a kind that Pillow does not know; None: it is not a TIFF, or GDAL says no more.

    Raises:
        Unreadable: GDAL knows the reason better than Pillow, which could not even identify it.
    """
    if isinstance(error, Unreadable | FileNotFoundError | MemoryError) or not is_tiff(path):
        return None
    try:
        with open_mosaic(path) as mosaic:
            if mosaic.size[0] * mosaic.size[1] > LARGEST_PIECE_PX:
                return None
            patch = mosaic.read(Window(0, 0, *mosaic.size))
    except Unreadable:
        if isinstance(error, UnidentifiedImageError):
            raise
        return None
    exif, orientation, note = _exif_of_tiff(path)
    valid = None if patch.valid is None else turn_upright(patch.valid, orientation)
    patch = Patch(turn_upright(patch.pixels, orientation), valid)
    return Photo(patch, exif, note, None, orientation == UPRIGHT)


def read_metadata(
    path: str | Path, *, timeout: float | None = None, signature: FileSignature | None = None
) -> tuple[Image.Exif, bytes | None]:
    """Return a photo's EXIF and XMP packet without decoding its pixels; of an address only parts are read.

    signature: of an object in a bucket, where that is known already: it need not be looked up.

    Raises:
        Stalled: it does not answer for `timeout` seconds.
        Unreadable: it cannot be opened.
    """
    with unreadable_errors(path):
        return call_with_timeout(timeout, partial(_read_metadata, path, signature))


def _read_metadata(name: str | Path, signature: FileSignature | None) -> tuple[Image.Exif, bytes | None]:
    with open_picture(name, signature) as image:
        exif = image.getexif()
        # else a TIFF's is read later, when its file is closed
        if not exif.get_ifd(ExifTags.IFD.GPSInfo) and is_later_page(image):
            exif = _exif_of_tiff(name)[0] or exif
        return exif, _xmp(image)


def read_tile(path: str | Path, window: Window | None, *, input_px: int) -> Pixels:
    """Return one window of a photo, or a whole small photo, at the size of the model's input.

    Raises:
        Unreadable: as `read_photo`, or the photo is too large for one tile and no window is given.
    """
    photo = read_photo(path)
    if window is None and not is_labelled_tile(*photo.size, input_px=input_px):
        width, height = photo.size
        raise Unreadable(f"{width} x {height} px is too large for one tile: cut it into tiles")
    patch = photo.patch if window is None else photo.patch.crop(window)
    return fit(patch.filled(), max(patch.pixels.shape), input_px)


def is_one_tile(width: int, height: int, *, input_px: int) -> bool:
    """Return whether a photo of this size is passed to the model as one tile."""
    return max(width, height) <= ONE_TILE_LIMIT * input_px


def is_labelled_tile(width: int, height: int, *, input_px: int) -> bool:
    """Return whether a labelled picture of this size can be shrunk to one tile that still shows its crack."""
    return max(width, height) <= LABELLED_TILE_LIMIT * input_px


def read_mask(path: str | Path) -> Mask:
    """Return which pixels of a mask are cracks, bool, shape (height, width).

    If a mask has two values, zero and another, the other one is crack. If it has more, as a JPEG or a
    smoothed mask has, the upper half of the range is crack.

    Raises:
        Unreadable: it cannot be opened or decoded, or it is not clear which of its values are cracks.
    """
    with unreadable_errors(path), open_picture(path) as image:
        check_for_zeros(path, image)
        load_undamaged(image)
        values = mask_values(image)
        mask: Mask = turn_upright(values > crack_limit(values), _exif(image)[1])
        return mask


def _xmp(image: Image.Image) -> bytes | None:
    packet = image.info.get("xmp")
    return packet if isinstance(packet, bytes) else None


def _exif(image: Image.Image) -> tuple[Image.Exif | None, int, str | None]:
    """Return the EXIF, its orientation and a note.

    Metadata too broken to read give a note; the photo is still scanned.
    """
    try:
        return _load_exif(image.getexif())
    except Exception:  # noqa: BLE001 - Pillow raises nearly anything on broken EXIF
        return None, UPRIGHT, "EXIF unreadable"


def _exif_of_tiff(path: str | Path) -> tuple[Image.Exif | None, int, str | None]:
    """Return the same of the first page of a TIFF whose pixels Pillow may not be able to decode."""
    exif = Image.Exif()
    try:
        with open_binary(path) as file:
            exif.load_from_fp(file)
            exif.update(exif._info or {})  # noqa: SLF001 - else its tags are read when the file is closed
            return _load_exif(exif)
    except Exception:  # noqa: BLE001 - as above
        return None, UPRIGHT, "EXIF unreadable"


def _load_exif(exif: Image.Exif) -> tuple[Image.Exif, int, None]:
    for directory in (ExifTags.IFD.GPSInfo, ExifTags.IFD.Exif):
        exif.get_ifd(directory)  # else a TIFF's are read later, when its file is closed
    orientation = exif.get(ExifTags.Base.Orientation, UPRIGHT)
    return exif, orientation if orientation in range(1, 9) else UPRIGHT, None
