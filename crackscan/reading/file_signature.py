"""By what a file, with those that it is read with, is known to be the one that was judged."""

import json
import os
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from crackscan.basics.records import FileSignature, Work


def file_signature(path: str | Path) -> FileSignature | None:
    """Return a file's size and time of change; `None` where there is no such file, which reading it says."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a path may hold bytes that pathlib would not print
    except (OSError, ValueError):
        return None
    return FileSignature(found.st_size, found.st_mtime_ns)


class SignatureCache:
    """The stamps of a plan's Work: a file's bands come together, so each file is looked at once."""

    def __init__(self) -> None:
        self._of = lru_cache(maxsize=1)(_whole)

    def signature(self, work: Work) -> FileSignature | None:
        """Return the stamp of a Work's file; of a mosaic, of all files that it is read with."""
        return self._of(work.path) if work.kind == "mosaic" else file_signature(work.path)


def _whole(path: str) -> FileSignature | None:
    """Return the stamp of a mosaic with its parts: a VRT's sources, masks, overviews and headers beside it.

    10,000 parts take 0.4 s on a local disk, most of it for GDAL to open the VRT.
    """
    own = file_signature(path)
    beside = sorted(set(_parts(path, set())) - {path})
    if own is None or not beside:
        return own
    # relative, as the survey may be mounted elsewhere when the scan goes on
    folder = os.path.dirname(path)  # noqa: PTH120 - any bytes, as above
    names = [os.path.relpath(part, folder or ".") for part in beside]
    listed = json.dumps([[name, file_signature(part)] for name, part in zip(names, beside, strict=True)])
    return own._replace(parts=blake2b(listed.encode(), digest_size=16).hexdigest())


def _parts(path: str, seen: set[str]) -> Iterator[str]:
    """Yield the files of a mosaic, those of a VRT within a VRT as well."""
    import rasterio
    from rasterio.errors import RasterioError

    seen.add(path)
    try:
        with rasterio.open(path) as dataset:
            files = dataset.files
    except (OSError, ValueError, RasterioError):  # reading it will say why
        return
    for file in files:
        yield file
        if file.lower().endswith(".vrt") and file not in seen:
            yield from _parts(file, seen)
