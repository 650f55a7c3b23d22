"""Picture files: opened by Pillow in the formats that are documented, at the page that is the picture."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image, JpegImagePlugin, UnidentifiedImageError

from crackscan.basics.errors import Unreadable
from crackscan.basics.records import FileSignature
from crackscan.reading.decoding import check_file_type
from crackscan.reading.header_limits import check_photo
from crackscan.reading.locations import local_or_parts
from crackscan.reading.mosaics import open_mosaic
from crackscan.reading.photo_metadata import complete_metadata

JPEG = JpegImagePlugin.JpegImageFile.format
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two of a BigTIFF
NEW_SUBFILE_TYPE, SUBFILE_TYPE = 254, 255  # tags of a TIFF's page
REDUCED, MASK = 1, 4  # bits of the first tag
OLD_REDUCED = 2  # value of the second, which is obsolete
TOO_LARGE = "over 179 megapixels"

_formats = [JPEG]  # that can be opened so far; an import of the others takes as long as ten photos


@contextmanager
def open_picture(path: str | Path, signature: FileSignature | None = None) -> Iterator[Image.Image]:
    """Open a picture, not yet decoded, at the first page that is not a smaller copy of another.

    Of an address only the parts that Pillow asks for are read: of HEIF, AVIF and WebP all.

    signature: of an object in a bucket, where that is known already.

    Raises:
        Unreadable: it is not a regular file, or too large for a photo.
    """
    check_file_type(path)
    with local_or_parts(path, signature) as file, _open_photo(path, file) as image:
        picture = _full_page(image)
        check_photo(picture.size)
        complete_metadata(picture)
        yield picture


def _open_photo(path: str | Path, file: str | Path | BinaryIO) -> Image.Image:
    try:
        return _open(file)
    except Image.DecompressionBombError as error:
        raise Unreadable(_too_large_reason(path)) from error


def _open(file: str | Path | BinaryIO) -> Image.Image:
    """Open a picture, most often a JPEG, in one of the formats that are documented."""
    known = tuple(_formats)
    try:
        return Image.open(file, formats=known)
    except UnidentifiedImageError:
        if len(known) > 1:
            raise
    _add_formats()
    return Image.open(file, formats=tuple(_formats))


def _add_formats() -> None:
    """Import the plugins of all documented formats: each registers its own.

    Others are not tried: Pillow would start a program, Ghostscript, for an EPS, whatever its file is called.
    """
    from PIL import (
        AvifImagePlugin,
        BmpImagePlugin,
        GifImagePlugin,
        Jpeg2KImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )
    from pillow_heif import register_heif_opener

    register_heif_opener()  # phones write HEIC
    plugins = (
        PngImagePlugin.PngImageFile,
        TiffImagePlugin.TiffImageFile,
        WebPImagePlugin.WebPImageFile,
        AvifImagePlugin.AvifImageFile,
        Jpeg2KImagePlugin.Jpeg2KImageFile,
        BmpImagePlugin.BmpImageFile,
        GifImagePlugin.GifImageFile,
    )
    _formats[:] = [JPEG, *(plugin.format for plugin in plugins), "HEIF"]


def is_tiff(path: str | Path) -> bool:
    """Return whether a file begins as a TIFF, whatever it is called."""
    with Path(path).open("rb") as file:
        return file.read(4) in TIFF_STARTS


def count_pictures(image: Image.Image) -> int:
    """Return how many pictures a file holds: frames, or pages that are not smaller copies or masks."""
    if _is_sub_image(image):
        return 1
    frames = int(getattr(image, "n_frames", 1))
    if frames == 1 or image.format != "TIFF":
        return frames
    page = image.tell()
    count = sum(not _page_kind(image, number) for number in range(frames))
    image.seek(page)
    return count


def is_later_page(image: Image.Image) -> bool:
    """Return whether an open picture, not yet decoded, is not the first page of its TIFF."""
    return image.format == "TIFF" and (_is_sub_image(image) or image.tell() > 0)


def _is_sub_image(image: Image.Image) -> bool:
    return image.format == "TIFF" and getattr(image, "fp", None) is None  # Pillow has decoded it already


def _full_page(image: Image.Image) -> Image.Image:
    """Return an open image at its first full page; as it is if all its pages are smaller copies."""
    if image.format != "TIFF" or not _page_kind(image, 0):
        return image
    full = (number for number in range(1, image.n_frames) if not _page_kind(image, number))  # type: ignore[attr-defined]
    number = next(full, None)
    if number is not None:
        image.seek(number)
        return image
    image.seek(0)
    children = [child for child in image.get_child_images() if child.width > image.width]  # type: ignore[attr-defined]
    return max(children, key=lambda child: child.width, default=image)


def _page_kind(image: Image.Image, number: int) -> int:
    """Go to a page of a TIFF, and return its bits that say that it is a smaller copy or a mask."""
    image.seek(number)
    tags = image.tag_v2  # type: ignore[attr-defined]
    old = REDUCED if tags.get(SUBFILE_TYPE) == OLD_REDUCED else 0
    return int(tags.get(NEW_SUBFILE_TYPE, old)) & (REDUCED | MASK)


def _too_large_reason(path: str | Path) -> str:
    """Return why a picture is too large for a photo, and what to do with it."""
    try:
        with open_mosaic(path):
            return f"{TOO_LARGE}: scan it with --as mosaic"
    except Unreadable as fault:
        return str(fault) if is_tiff(path) else f"{TOO_LARGE}: convert it to TIFF"
