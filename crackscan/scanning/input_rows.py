"""The row of a photo or mosaic without a crack, or of which not all was assessed."""

from collections import Counter
from dataclasses import dataclass, field, replace

from crackscan.basics import grid
from crackscan.basics.records import Result, Status, Window, Work
from crackscan.scanning import resolution
from crackscan.scanning.rows import join_reasons

UNTRACED = "tiles are cracked, but no line in them is long and sure enough"
NOT_ASSESSED: dict[Status, str] = {
    "nodata": "without data",
    "too_coarse": "too coarse",
    "unfamiliar": "unfamiliar",
    "unreadable": "unreadable",
}


@dataclass(slots=True)
class InputTally:
    """Counts of one photo or mosaic, as its Work comes in; `work` and `first` stand for all of it."""

    work: Work
    first: Result  # of a mosaic: the first row with a position, if there is one
    photo: Result | None = None  # the row of a photo
    extent: Window | None = None  # of the tiles
    _statuses: Counter[Status] = field(default_factory=Counter)  # of the tiles
    _cracked: int = 0
    _strongest: Result | None = None
    _fault: str | None = None  # of the first tile that could not be read
    _remark: str | None = None  # on the first tile that was assessed in spite of something
    _valid_px: float = 0.0
    _known_px: int = 0

    def add(self, rows: list[Result]) -> None:
        """Count the rows of a Work."""
        for row in rows:
            if row.kind == "photo":
                self.photo = row
            else:
                self._add_tile(row)
            if self.first.grid is None and row.grid is not None:
                self.first = row

    def row(self, *, cracks: int) -> Result | None:
        """Return the input's own row; None where it has rows of cracks and all of it was assessed."""
        row = self.photo or self._mosaic_row()
        whole = row.status == "ok" and self._statuses.total() == self._statuses["ok"]
        if cracks and whole:
            return None
        if cracks and row.status == "ok":
            return replace(row, label="crack")
        if row.label == "crack":
            return replace(row, reason=join_reasons(row.reason, UNTRACED))
        return row

    def _add_tile(self, row: Result) -> None:
        self._statuses[row.status] += 1
        self._cracked += row.label == "crack"
        if row.status == "unreadable":
            self._fault = self._fault or row.reason
        if row.status == "ok":
            self._remark = self._remark or row.reason
            if self._strongest is None or (row.probability or 0.0) > (self._strongest.probability or 0.0):
                self._strongest = row
        if row.window is not None:
            self.extent = grid.bounding_window((self.extent or row.window, row.window))
            if row.valid is not None:
                pixels = row.window.width * row.window.height
                self._known_px += pixels
                self._valid_px += row.valid * pixels

    def _mosaic_row(self) -> Result:
        """Return the row of a mosaic: its extent, its strongest tile, and how much of it was assessed."""
        strongest, status = self._strongest, self._status()
        row = Result(
            source=self.first.source,
            kind="mosaic",
            status=status,
            tiles=self._statuses["ok"],
            crack_tiles=self._cracked,
            valid=self._valid_px / self._known_px if self._known_px else None,
            reason=join_reasons(self._coverage(), self._remark),
            model=self.first.model,
            grid=self.first.grid,
        )
        if strongest is not None:
            peak = strongest.peak_col, strongest.peak_row
            row = replace(row, probability=strongest.probability, peak_col=peak[0], peak_row=peak[1])
        if status == "ok":
            row = replace(row, label="crack" if self._cracked else "no-crack")
        return self._located(row)

    def _located(self, row: Result) -> Result:
        if self.extent is None:
            return row
        row = replace(row, **self.extent._asdict())
        if row.grid is None:
            return row
        from crackscan.geo.lines import georeference

        place = georeference(row.grid).locate(self.extent)
        if place is None:
            return row
        lon, lat = place.centre
        row = replace(row, lon=lon, lat=lat, position_from="mosaic", mm_per_px=place.mm_per_px)
        return replace(
            row, outline=place.outline, judged_mm_per_px=resolution.assessed_mm_per_px(row, self.work)
        )

    def _status(self) -> Status:
        """Return what a person should know first: a part that is unreadable can be repaired."""
        if self._statuses["unreadable"] or self._statuses["ok"]:
            return "unreadable" if self._statuses["unreadable"] else "ok"
        ((status, _),) = self._statuses.most_common(1)
        return status

    def _coverage(self) -> str | None:
        """Return how many tiles were not assessed, and why; None if all were."""
        counts = {status: self._statuses[status] for status in NOT_ASSESSED if self._statuses[status]}
        if self.extent is None or not counts:
            return self._fault
        parts = ", ".join(f"{count:,} {NOT_ASSESSED[status]}" for status, count in counts.items())
        fault = f" ({self._fault})" if self._fault else ""
        total = self._statuses.total()
        return f"{sum(counts.values()):,} of {total:,} tiles were not assessed: {parts}{fault}"
