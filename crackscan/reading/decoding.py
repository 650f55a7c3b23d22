"""What is wrong with a file that cannot be read, in one line, whatever its decoder raised."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from crackscan.basics.errors import Unreadable

_KINDS = {stat.S_IFDIR: "folder", stat.S_IFIFO: "named pipe", stat.S_IFSOCK: "socket"}


def check_file_type(path: str | Path) -> None:
    """Refuse what would be waited for without end, such as a named pipe; what GDAL alone can open passes."""
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):  # opening it will say why
        return
    if not stat.S_ISREG(mode):
        raise Unreadable(f"is no file, but a {_KINDS.get(stat.S_IFMT(mode), 'device')}")


@contextmanager
def unreadable_errors(path: str | Path) -> Iterator[None]:
    """Turn what opening or decoding a file raises into why it cannot be read.

    Raises: Unreadable: anything went wrong.
    """
    try:
        yield
    except Unreadable:
        raise
    except FileNotFoundError as error:
        raise Unreadable("the file is gone") from error
    except Image.DecompressionBombError as error:
        raise Unreadable("over 179 megapixels: scan it with --as mosaic") from error
    except MemoryError as error:
        raise Unreadable("not enough memory to decode it") from error
    except Exception as error:  # decoders raise nearly anything on broken bytes
        raise Unreadable(_one_line(error, path)) from error


def _one_line(error: Exception, path: str | Path) -> str:
    cause = error.__cause__ or error  # rasterio only says that GDAL said something
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    text = text.replace(f" {str(path)!r}", "").replace(f"{path}: ", "").replace(str(path), "the file")
    return " ".join(text.split())
