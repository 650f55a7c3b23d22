"""Reasons why a file cannot be read, each in one line, whatever its decoder raised."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from crackscan.basics.errors import CrackscanError, Unreadable
from crackscan.reading.locations import raster_name

_TYPES = {stat.S_IFDIR: "folder", stat.S_IFIFO: "named pipe", stat.S_IFSOCK: "socket"}


def check_file_type(path: str | Path) -> None:
    """Refuse a folder, a pipe, a socket or a device: reading a pipe could wait for ever.

    A path that only GDAL can open, such as /vsizip/, passes.

    Raises:
        Unreadable: it is not a regular file.
    """
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):  # opening it gives the reason
        return
    if not stat.S_ISREG(mode):
        raise Unreadable(f"not a regular file ({_TYPES.get(stat.S_IFMT(mode), 'device')})")


@contextmanager
def unreadable_errors(path: str | Path) -> Iterator[None]:
    """Turn any error of opening or decoding a file into the reason why it cannot be read.

    An error that ends the scan stays as it is.

    Raises:
        Unreadable: there was an error.
    """
    try:
        yield
    except (Unreadable, CrackscanError):
        raise
    except FileNotFoundError as error:
        raise Unreadable("the file is gone") from error
    except Image.DecompressionBombError as error:
        raise Unreadable("over 179 megapixels") from error
    except MemoryError as error:
        raise Unreadable("not enough memory to decode it") from error
    except Exception as error:  # decoders raise nearly anything on broken bytes
        raise Unreadable(_one_line(error, path)) from error


def _one_line(error: Exception, path: str | Path) -> str:
    cause = error.__cause__ or error  # rasterio's own text only says that GDAL failed
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    text = raster_name(text)
    text = text.replace(f" {str(path)!r}", "").replace(f"{path}: ", "").replace(str(path), "the file")
    return " ".join(text.split())
