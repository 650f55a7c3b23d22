"""Pictures of a survey under review, at full resolution, read as the scan read them."""

import io
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition
from types import TracebackType
from typing import Self

from PIL import Image, ImageDraw

from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import Unreadable
from crackscan.basics.records import Window
from crackscan.review.survey import SurveyRows
from crackscan.sinks.report.pictures import CONTEXT, PictureReader, clip
from crackscan.sinks.report.row_table import SourceFile

READERS = 3  # each holds one open source: the shown one, and those that are shown next
CACHED = 400  # pictures, of some 40 kB
MOST_PX = 1024  # longest side of a row's picture
QUALITY = 85  # of WebP
REGION_PX = 512  # side of a tile of a whole source
LAST_READS = 1.0  # seconds for which the end of a review waits for reads that go on
READ_PX = 40_000_000  # of a mosaic for one tile: more would take seconds


class ReviewPictures:
    """Draws pictures for several threads, and keeps the last ones."""

    def __init__(self, survey: SurveyRows) -> None:
        self._survey = survey
        self._cache: OrderedDict[tuple[int, ...], bytes] = OrderedDict()
        self._idle: list[tuple[SourceFile, PictureReader]] = []
        self._lent, self._ended = 0, False
        self._lock = Condition()

    def __enter__(self) -> Self:
        """Return itself; files are opened when they are needed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files, but never while a thread reads them: GDAL would end the process."""
        with self._lock:
            self._ended = True
            self._lock.wait_for(lambda: not self._lent, timeout=LAST_READS)
            for _, reader in self._idle:
                reader.__exit__(None, None, None)
            self._idle.clear()

    def picture(self, number: int) -> bytes:
        """Return the picture of a row with what is around it as WebP; one that cannot be read says why.

        Raises: IndexError: there is no such row.
        """
        return self._cached((number,), lambda: self._draw(number))

    def window(self, number: int) -> Pixels | None:
        """Return the pixels of a row's window, uint8 RGB, at most MOST_PX a side; None: it cannot be read.

        Raises: IndexError: there is no such row.
        """
        entry = self._survey.entry(number)
        if entry.window is None:
            return None
        try:
            with self._reader(entry.file) as reader:
                return reader.read(entry.file, entry.window, MOST_PX)
        except Unreadable:
            return None

    def region(self, source: int, zoom: int, across: int, down: int) -> bytes:
        """Return a tile of a whole source as WebP: at zoom 0 it is one tile, each zoom doubles the scale.

        Raises: IndexError: there is no such source or tile.
        """
        if not 0 <= source < len(self._survey.sizes):
            raise IndexError(source)
        size = self._survey.sizes[source]
        side = REGION_PX << max(most_zoom(size) - zoom, 0)
        area = Window(across * side, down * side, side, side)
        if min(zoom, across, down) < 0 or area.col >= size[0] or area.row >= size[1]:
            raise IndexError(zoom)
        return self._cached((source, zoom, across, down), lambda: self._draw_region(source, area))

    def overview(self, source: int) -> bytes:
        """Return a small picture of all that was scanned of a mosaic, as WebP.

        Raises: IndexError: there is no such mosaic, or it cannot be read quickly.
        """
        if source not in self._survey.table.mosaics:
            raise IndexError(source)
        return self._cached((source, -1), lambda: self._draw_overview(source))

    def _cached(self, key: tuple[int, ...], draw: Callable[[], bytes]) -> bytes:
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        content = draw()
        with self._lock:
            self._cache[key] = content
            while len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        return content

    def _draw(self, number: int) -> bytes:
        entry = self._survey.entry(number)
        if entry.window is None:
            return _notice("no part of it was assessed")
        size = self._survey.sizes[int(self._survey.records[number]["source"])]
        return self._read(entry.file, surroundings(entry.window, size), MOST_PX)

    def _draw_overview(self, source: int) -> bytes:
        file, size = self._survey.source(source), self._survey.sizes[source]
        try:
            with self._reader(file) as reader:
                picture = reader.overview(file, Window(0, 0, *size))
        except Unreadable as error:
            raise IndexError(source) from error
        if picture is None:
            raise IndexError(source)
        return picture.content

    def _draw_region(self, source: int, area: Window) -> bytes:
        size = self._survey.sizes[source]
        seen = clip(area, size)
        if seen.width * seen.height > READ_PX:
            return _notice("zoom in")
        file = self._survey.source(source)
        scale = area.width / REGION_PX
        return self._read(file, seen, max(1, round(max(seen.width, seen.height) / scale)), pad=area)

    def _read(self, file: SourceFile, area: Window, most_px: int, *, pad: Window | None = None) -> bytes:
        try:
            with self._reader(file) as reader:
                pixels = reader.read(file, area, most_px)
        except Unreadable as error:
            return _notice(str(error))
        return _webp(_padded(pixels, area, pad) if pad else Image.fromarray(pixels))

    @contextmanager
    def _reader(self, file: SourceFile) -> Iterator[PictureReader]:
        """Lend a reader to a thread: the one that has the file open, else the one that rested longest.

        Raises: Unreadable: the review has ended.
        """
        with self._lock:
            if self._ended:
                raise Unreadable("the review has ended")
            held = [held for held, _ in self._idle]
            own = held.index(file) if file in held else 0
            is_new = file not in held and len(held) + self._lent < READERS
            reader = self._idle.pop(own)[1] if held and not is_new else PictureReader().__enter__()
            self._lent += 1
        try:
            yield reader
        finally:
            with self._lock:
                self._lent -= 1
                self._idle.append((file, reader))
                spare = [self._idle.pop(0)[1]] if len(self._idle) > READERS else []
                self._lock.notify_all()
            for each in spare:
                each.__exit__(None, None, None)


def surroundings(window: Window, size: tuple[int, int]) -> Window:
    """Return the part of a source that a row's picture shows; the page computes the same in pictures.js."""
    margin = round(CONTEXT * max(window.width, window.height))
    wider = Window(
        window.col - margin, window.row - margin, window.width + 2 * margin, window.height + 2 * margin
    )
    return clip(wider, size)


def most_zoom(size: tuple[int, int]) -> int:
    """Return the zoom at which a source has its own resolution."""
    zoom = 0
    while REGION_PX << zoom < max(size):
        zoom += 1
    return zoom


def _padded(pixels: Pixels, area: Window, whole: Window) -> Image.Image:
    """Return the pixels of an area in the corner of a whole tile."""
    canvas = Image.new("RGB", (REGION_PX, REGION_PX), (42, 47, 53))
    side = REGION_PX / whole.width
    picture = Image.fromarray(pixels)
    fitting = max(1, round(area.width * side)), max(1, round(area.height * side))
    canvas.paste(picture if picture.size == fitting else picture.resize(fitting), (0, 0))
    return canvas


def _notice(text: str) -> bytes:
    """Return a picture that says in words why there is none."""
    picture = Image.new("RGB", (REGION_PX, REGION_PX), (42, 47, 53))
    words, line, lines = text.encode("latin-1", "replace").decode("latin-1").split(), "", list[str]()
    for word in words:
        line, full = (f"{line} {word}", None) if len(line) + len(word) < 40 else (word, line)
        lines += [full] if full else []
    draw = ImageDraw.Draw(picture)
    draw.multiline_text((24, 220), "\n".join([*lines, line]), fill=(232, 234, 237), font_size=22)
    return _webp(picture)


def _webp(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=QUALITY, method=1)  # fast: the network is this machine
    return file.getvalue()
