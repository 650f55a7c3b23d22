"""File names: which are pictures, which are a scan's own files, and how rows show them."""

import os
import re
from pathlib import PurePath

from crackscan.basics.addresses import is_remote

MOSAIC_ENDINGS = frozenset({".tif", ".tiff", ".vrt"})
PHOTO_ENDINGS = frozenset(
    {".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".png", ".webp"}
)
JPEG_2000 = ".jp2"  # a photo, or with a box for its position a mosaic
PICTURE_ENDINGS = PHOTO_ENDINGS | MOSAIC_ENDINGS
# Text files that place a picture of the same name on a map; for TIFFs, GDAL reads .tfw
WORLD_FILE_ENDINGS = (".jgw", ".jpgw", ".jpegw", ".pgw", ".pngw", ".j2w", ".jp2w", ".wld")
JOURNAL = re.compile(
    r"\.journal(-lock|-wal|-shm|\.verdicts)?(-journal)?$"
)  # a scan's own files, beside its output

# Folders that a NAS, a desktop, a camera or a recycle bin makes: their pictures are small copies, or deleted.
SYSTEM_FOLDER = re.compile(
    r"@eaDir|\.@__thumb|\.thumbnails|\.thumbs|__MACOSX|\.AppleDouble|\.Spotlight-V100|\.fseventsd"
    r"|\.Trash.*|\$RECYCLE\.BIN|RECYCLER|#recycle|@Recycle|#snapshot|@Recently-Snapshot"
    r"|System Volume Information|lost\+found",
    re.IGNORECASE,
)


def ending(path: str) -> str:
    """Return `PurePath.suffix` in lower case, in a tenth of the time."""
    head, dot, last = path.rpartition(".")
    return (dot + last).lower() if head and last else ""


def world_file_ending(path: str) -> str | None:
    """Return the ending of the world file beside a photo on a disk, if it has one."""
    kind = ending(path)
    if kind not in PHOTO_ENDINGS or is_remote(path):
        return None
    stem = path[: -len(kind)]
    own = [world for world in WORLD_FILE_ENDINGS if world[1] == kind[1]]
    return next((world for world in (*own, ".wld") if os.path.exists(stem + world)), None)  # noqa: PTH110


def is_picture(name: str) -> bool:
    """Say by its name whether a file in a folder is a picture; macOS' `._` files are not."""
    return ending(name) in PICTURE_ENDINGS and not name.startswith("._")


def shown_as(path: str, root: str | None) -> str:
    """Return a path as rows show it: with forward slashes, safe in a spreadsheet.

    root: the scanned folder that the path is relative to, if it is the only source.
    """
    if is_remote(path):
        below = path[len(root.removesuffix("/")) + 1 :] or "." if root else path
        shown = f"./{below}" if below.startswith("/") else below  # of a key with two slashes
    else:
        below = path[len(root) :].lstrip(os.sep) or "." if root else path
        shown = PurePath(below).as_posix()
    shown = shown.encode("utf-8", "backslashreplace").decode("utf-8")  # names need not be UTF-8
    # A spreadsheet would run =cmd; ./=cmd is the same file.
    return f"./{shown}" if re.match(r"[=+\-@\t\r]", shown) else shown
