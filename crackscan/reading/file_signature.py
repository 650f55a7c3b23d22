"""Detect whether an input file, or a file it depends on, has changed since it was scanned."""

import json
import os
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from crackscan.basics.records import FileSignature, Work


def file_signature(path: str | Path) -> FileSignature | None:
    """Return a file's size and time of change; None if there is no such file: reading it gives the reason."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a path may hold bytes that pathlib cannot print
    except (OSError, ValueError):
        return None
    return FileSignature(status.st_size, status.st_mtime_ns)


def mosaic_files(path: str) -> frozenset[str]:
    """Return the files that a mosaic is read from: itself, a VRT's sources, masks and side files."""
    return frozenset({path, *_parts(path, set())})


class SignatureCache:
    """Signatures for a plan's Work. The bands of a mosaic follow each other, so it is looked at only once."""

    def __init__(self) -> None:
        self._mosaic_signature = lru_cache(maxsize=1)(_mosaic_signature)

    def signature(self, work: Work) -> FileSignature | None:
        """Return the signature of a Work's file; for a mosaic, of all files that it depends on."""
        return self._mosaic_signature(work.path) if work.kind == "mosaic" else file_signature(work.path)


def _mosaic_signature(path: str) -> FileSignature | None:
    """Return the signature of a mosaic with its parts: a VRT's sources, masks, overviews and side files.

    10,000 parts take 0.4 s on a local disk, most of it for GDAL to open the VRT.
    """
    own = file_signature(path)
    parts = sorted(set(_parts(path, set())) - {path})
    if own is None or not parts:
        return own
    # relative, as the survey may be mounted elsewhere when the scan is resumed
    folder = os.path.dirname(path)  # noqa: PTH120 - any bytes, as above
    names = [os.path.relpath(part, folder or ".") for part in parts]
    listed = json.dumps([[name, file_signature(part)] for name, part in zip(names, parts, strict=True)])
    return own._replace(parts=blake2b(listed.encode(), digest_size=16).hexdigest())


def _parts(path: str, seen: set[str]) -> Iterator[str]:
    """Yield the files of a mosaic, and those of a VRT inside a VRT."""
    import rasterio
    from rasterio.errors import RasterioError

    seen.add(path)
    try:
        with rasterio.open(path) as dataset:
            files = dataset.files
    except (OSError, ValueError, RasterioError):  # reading it gives the reason
        return
    for file in files:
        yield file
        if file.lower().endswith(".vrt") and file not in seen:
            yield from _parts(file, seen)
