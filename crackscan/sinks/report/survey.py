"""The survey as the page takes it: texts and figures as JSON, columns as typed arrays, words for its head."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crackscan import __version__
from crackscan.basics.records import Trace
from crackscan.basics.run_facts import RunFacts
from crackscan.sinks.report.columns import PAGE_COLUMNS, STATUSES, Records, encode, page_arrays
from crackscan.sinks.report.picture_store import PictureStore
from crackscan.sinks.report.row_table import RowTable
from crackscan.sinks.report.wording import plural, share, share_range, shared_start, to_json, visible

FORMAT = 1
DECIPIXEL = 10  # lines are whole numbers of tenths of a px
MOST_LINE_POINTS = 2_000_000  # in a page: 16 MB
_REASONS = {
    "nodata": "without data",
    "too_coarse": "too coarse",
    "unfamiliar": "unfamiliar surface",
    "unreadable": "unreadable",
}


@dataclass(slots=True)
class _Texts:
    """Texts that rows refer to by their number, which begins with 1; 0 is none."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, text: str | None) -> int:
        return self.numbers.setdefault(visible(text), len(self.numbers) + 1) if text else 0


@dataclass(slots=True)
class _Lines:
    """Traces of all rows, one after the other."""

    row: list[int] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    probability: list[float] = field(default_factory=list)
    points: list[int] = field(default_factory=list)
    left_out: int = 0

    def add(self, index: int, traces: Iterable[Trace]) -> None:
        for trace in traces:
            if len(self.points) >= 2 * MOST_LINE_POINTS:
                self.left_out += 1
                continue
            self.row.append(index)
            self.start.append(len(self.points) // 2)
            self.probability.append(trace.probability)
            self.points.extend(round(number * DECIPIXEL) for point in trace.points for number in point)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {
            "row": np.array(self.row, "<u4"),
            "start": np.array(self.start, "<u4"),
            "probability": np.array(self.probability, "<f4"),
            "points": np.array(self.points, "<i4"),
        }


class Survey:
    """All that a page shows."""

    def __init__(
        self,
        table: RowTable,
        rows: Records,
        run: RunFacts,
        pictures: PictureStore,
        *,
        served: dict[str, Any] | None = None,
    ) -> None:
        """Collect what a page shows.

        Args:
            table: of all rows.
            rows: that the page lists, in plan order.
            run: facts of the run.
            pictures: of some of these rows.
            served: addresses that the page asks its server for; None is a file.
        """
        self.pictures = pictures
        self._table, self._run = table, run
        sources, rows_of = np.unique(rows["source"], return_inverse=True)
        self._arrays = {name: values for name, _, values in page_arrays(rows)}
        self._arrays["source"] = rows_of.astype("<u4")
        self._reviews: dict[int, list[str | None]] = {}  # by index of the row
        reasons, times, outlines = self._collect_texts(rows)
        self.facts: dict[str, Any] = {
            "format": FORMAT,
            "version": __version__,
            "served": served,
            "run": _run_facts(run),
            "figures": _figures(run),
            "summary": self._summary(),
            "histogram": table.totals.histogram(),
            "tile_histogram": table.totals.histogram(tiles_only=True),
            "count": len(rows),
            "left_out": len(table) - len(rows),
            "lines_left_out": self._lines.left_out,
            "sources": self._sources(sources),
            "reasons": reasons,
            "times": times,
            "outlines": outlines,
            "reviews": self._reviews,
            "known_columns": [*(name for name, _ in PAGE_COLUMNS), "reason", "time"],
            "columns": {name: values.dtype.str.lstrip("<|") for name, values in self._arrays.items()},
            "line_columns": {name: values.dtype.str[1:] for name, values in self._lines.arrays().items()},
            "pictures": pictures.facts(),
        }
        self.facts["title"] = self._title()

    def _collect_texts(self, rows: Records) -> tuple[list[str], list[str], list[list[float]]]:
        reasons, times, outlines, self._lines = _Texts(), _Texts(), list[list[float]](), _Lines()
        numbers = np.zeros((2, len(rows)), "<u4")
        places = zip(rows["text_start"].tolist(), rows["text_bytes"].tolist(), strict=True)
        for index, (start, length) in enumerate(places):
            if not length:
                continue
            text = self._table.text(start, length)
            numbers[:, index] = reasons.number(text.reason), times.number(text.captured_at)
            self._lines.add(index, text.traces)
            if text.review:
                self._reviews[index] = [said and visible(said) for said in text.review]
            if text.outline:
                outlines.append([index, *(number for place in text.outline for number in place)])
        for name, values in zip(("reason", "time"), numbers, strict=True):
            if values.any():
                self._arrays[name] = values
        return list(reasons.numbers), list(times.numbers), outlines

    def _summary(self) -> dict[str, Any]:
        totals = self._table.totals
        return {
            "rows": len(self._table),
            "inputs": totals.inputs,
            "statuses": totals.statuses,
            "kinds": totals.kinds,
            "cracked": totals.cracked,
            "assessed_tiles": totals.assessed_tiles,
            "tile_rows": totals.tile_rows,
        }

    def _sources(self, sources: NDArray[np.uint32]) -> dict[str, Any]:
        """Return the names of sources, and of mosaics what the map needs; sources: their numbers."""
        names, mosaics = [], {}
        for index, (number, file) in enumerate(
            zip(sources.tolist(), self._table.sources(sources.tolist()), strict=True)
        ):
            names.append(visible(file.name))
            if file.kind == "mosaic":
                placement = self._table.placements.get(number)
                mosaics[index] = {
                    "affine": placement.affine if placement else None,
                    "overview": self.pictures.overview_size(number),
                }
        self.pictures.number_overviews({int(number): index for index, number in enumerate(sources)})
        return {"names": names, "mosaics": mosaics, "shared": shared_start(names)}

    def _title(self) -> str:
        names, inputs = self.facts["sources"]["names"], self.facts["summary"]["inputs"]
        first, *others = [name.rsplit("/", 1)[-1] for name in names[:2]] or ["nothing"]
        if inputs > 2:
            return f"Crack scan of {first} and {inputs - 1:,} others"
        return " and ".join([f"Crack scan of {first}", *others])

    def blocks(self) -> Iterator[tuple[str, str, bytes]]:
        """Yield the data blocks of the page: identifier, media type and content."""
        yield "survey", "application/json", to_json(self.facts)
        for name, values in self._arrays.items():
            yield f"column-{name}", "text/plain", encode(values)
        for name, values in self._lines.arrays().items():
            yield f"line-{name}", "text/plain", encode(values)

    def words(self) -> dict[str, Any]:
        """Return texts and figures of the page's head, which a reader sees even without its scripts."""
        summary = self.facts["summary"]
        rows, assessed = summary["rows"], summary["statuses"].get("ok", 0)
        days = sorted(time[:10] for time in self.facts["times"])
        return {
            "rows": rows,
            "cracked": summary["cracked"],
            "assessed": assessed,
            "blind": rows - assessed,
            "blind_reasons": ", ".join(
                f"{summary['statuses'][status]:,} {_REASONS[status]}"
                for status in STATUSES[1:]
                if summary["statuses"].get(status)
            ),
            "share": lambda part: share(part, rows),
            "inputs": plural(summary["inputs"], "input") + ", " + plural(rows, "row"),
            "taken": " to ".join(sorted({days[0], days[-1]})) if days else "",
            "resolution": self._resolution(),
            "notes": self._notes(),
            "unseen": self._unseen(),
        }

    def _resolution(self) -> str:
        values = self._arrays.get("mm_per_px")
        if values is None or np.isnan(values).all():
            return ""
        low, high = (f"{value:.3g}" for value in (np.nanmin(values), np.nanmax(values)))
        known = ", where it is known" if np.isnan(values).any() else ""
        return (low if low == high else f"{low} to {high}") + f" mm per px{known}"

    def _notes(self) -> list[str]:
        notes, pictures = [], self.facts["pictures"]
        if pictures["more"]:
            notes.append(
                f"{plural(pictures['count'], 'picture')} of the surest findings, evenly over the survey, "
                f"are in this file; {plural(pictures['more'], 'more cracked row')} are listed without one."
            )
        if pictures["missing"]:
            notes.append(
                f"{plural(len(pictures['missing']), 'picture')} could not be read when this file was "
                "written: their rows say why."
            )
        if self.facts["left_out"]:
            notes.append(
                f"This file lists {self.facts['count']:,} rows: of those that were assessed the most "
                "probable cracks, of the others an even share. "
                f"{self.facts['left_out']:,} more are counted only."
            )
        if self.facts["lines_left_out"]:
            notes.append(f"{plural(self.facts['lines_left_out'], 'crack line')} had no room in this file.")
        return notes

    def _unseen(self) -> str:
        figures = self._run.figures.unseen if self._run.figures else ()
        recalls = [figure.recall for figure in figures if figure.recall is not None]
        alarms = [figure.false_alarms for figure in figures if figure.false_alarms is not None]
        if not recalls or not alarms:
            return ""
        return (
            f"it found {share_range(recalls)} of cracked tiles, and called {share_range(alarms)} of "
            f"uncracked ones cracked ({len(recalls)} datasets, each left out of training)"
        )


def _run_facts(run: RunFacts) -> dict[str, Any]:
    options = run.options
    return {
        "model": visible(run.model),
        "engine": run.engine,
        "threshold": options.rows.threshold,
        "per": options.tiles.per,
        "tile_px": options.tiles.tile_px,
        "overlap": options.tiles.overlap,
    }


def _figures(run: RunFacts) -> list[list[float | None]] | None:
    if run.figures is None or not run.figures.thresholds:
        return None
    return [[row.threshold, row.recall, row.false_alarms_per_1000] for row in run.figures.thresholds]
