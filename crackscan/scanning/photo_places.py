"""Places where photos were taken, read from their metadata before they are judged."""

from collections.abc import Generator, Iterable

from PIL import Image

from crackscan.basics.addresses import is_remote
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import Position, Work
from crackscan.scanning.ahead import ahead


def with_places(works: Iterable[Work]) -> Generator[tuple[Work, Position | None], None, None]:
    """Yield each Work, in order, with where it was taken; None where that is not known, and for mosaics."""
    return ahead(lambda work: (work, _place(work)), works, waits=_asks_a_store)


def _asks_a_store(work: Work) -> bool:
    return _has_metadata(work) and is_remote(work.path)


def _has_metadata(work: Work) -> bool:
    return work.kind == "photo" and work.fault is None


def _place(work: Work) -> Position | None:
    from crackscan.geo.pose.camera_view import locate_photo
    from crackscan.reading import read_metadata

    if not _has_metadata(work):
        return None
    if work.pose is not None and work.pose.lon is not None:  # then the photo is not asked
        return locate_photo(Image.Exif(), None, work.pose)
    # each request to a store has a limit of its own
    timeout = None if is_remote(work.path) else work.options.read_timeout
    try:
        metadata = read_metadata(work.path, timeout=timeout, signature=work.signature)
        return locate_photo(*metadata, work.pose)
    except Unreadable:  # judging it will say why
        return None
