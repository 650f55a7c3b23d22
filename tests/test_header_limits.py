"""A small file whose header gives a gigantic size costs no memory, time or disk: it becomes one row."""

import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import rasterio
from makers import make_mosaic, scan_options
from PIL import Image

from crackscan.basics.errors import Unreadable
from crackscan.reading import open_mosaic, read_photo
from crackscan.scanning.plan import Plan

OPTIONS = scan_options(tile_px=224, threshold=0.5)
WIDTH, HEIGHT, ROWS_OF_A_STRIP = 256, 257, 278  # TIFF tags


def change_header(path: Path, sizes: dict[int, int]) -> Path:
    """Change sizes in the header of a classic little-endian TIFF."""
    content = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, start)
    for entry in range(start + 2, start + 2 + 12 * entries, 12):
        (tag,) = struct.unpack_from("<H", content, entry)
        if tag in sizes:
            struct.pack_into("<HHII", content, entry, tag, 4, 1, sizes[tag])
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ({WIDTH: 2**31 - 1, HEIGHT: 2**31 - 1}, "its header says 2,147,483,647 x 2,147,483,647 px"),
        ({HEIGHT: 900_000}, "500 x 900,000 px, but the file is too short to list so many blocks"),
        ({HEIGHT: 500_000, ROWS_OF_A_STRIP: 400_000}, "blocks of 500 x 400,000 px are decoded in one piece"),
    ],
)
def test_mosaic_with_an_impossible_size_is_one_row(
    tmp_path: Path, sizes: dict[int, int], reason: str
) -> None:
    """Planning does not split it into millions of bands."""
    path = change_header(make_mosaic(tmp_path / "m.tif"), sizes)
    (work,) = Plan((str(path),), OPTIONS.tiles, kind="mosaic")
    assert reason in (work.fault or "")


def test_sparse_mosaic_is_accepted(tmp_path: Path) -> None:
    """A small file can be a large mosaic of which little was ever written."""
    settings = {"driver": "GTiff", "dtype": "uint8", "count": 3, "sparse_ok": True, "tiled": True}
    with rasterio.open(tmp_path / "m.tif", "w", width=100_000, height=100_000, **settings):
        pass
    with open_mosaic(tmp_path / "m.tif") as mosaic:
        assert mosaic.size == (100_000, 100_000)


def test_photo_with_too_many_rows_is_unreadable(tmp_path: Path) -> None:
    """A photo of one column has few pixels, but Pillow holds a pointer for each row."""
    parts = [b"IHDR" + struct.pack(">IIBBBBB", 1, 8 * 10**7, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"")]
    chunks = [struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts]
    (tmp_path / "long.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    with pytest.raises(Unreadable, match="1 x 80,000,000 px is too long for a photo"):
        read_photo(tmp_path / "long.png")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_largest_photo_is_read_in_bounded_memory(tmp_path: Path, mode: str) -> None:
    """A PNG of a few hundred kB holds 178 megapixels: reading takes at most 8 bytes a pixel."""
    Image.new(mode, (13_340, 13_340), "gray").save(tmp_path / "large.png")
    code = (
        "import pathlib, re, resource, sys; from crackscan.reading import read_photo\n"
        "read_photo(sys.argv[1])\n"
        "status = pathlib.Path('/proc/self/status')\n"  # getrusage includes pytest's memory at the fork
        "own = re.search(r'VmHWM:\\s+(\\d+)', status.read_text()) if status.exists() else None\n"
        "print('peak', own[1] if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, tmp_path / "large.png"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"peak (\d+)", done.stdout)
    assert found is not None
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(found[1]) * unit < 13_340**2 * 8 + 200_000_000
