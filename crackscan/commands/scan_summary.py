"""The summary of a scan, as a person reads it at the end."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.cells import cell_len

from crackscan.basics.records import Result
from crackscan.commands.console import duration, plural, say, stderr
from crackscan.scanning.file_names import WORLD_FILE_ENDINGS
from crackscan.scanning.parts import Part
from crackscan.scanning.plan import Plan, describe_outside
from crackscan.scanning.resolution import TOO_COARSE
from crackscan.scanning.sources import describe_ignored
from crackscan.scanning.summary import Summary
from crackscan.scanning.tiles import UNFAMILIAR

HEADINGS = ("probability", "source", "at col, row", "lon, lat")
SOURCE = 1  # the column whose texts are shortened if the console is narrow
GAP = 2  # blanks between columns
SHORTEST_NAME = 12  # characters; a narrower console wraps the line


def show_summary(
    summary: Summary,
    plan: Plan,
    *,
    seconds: float,
    output: str | Path | None,
    crack_width_px: float | None = None,
) -> None:
    """Print what a scan found, and what a person should look at next.

    crack_width_px: from this width on, in px as judged, the model finds 9 of 10 synthetic cracks.
    """
    assessed = summary.statuses["ok"]
    judged = summary.judged_rows
    what = "photos and tiles" if summary.per_crack else plural("row", judged)
    say(
        f"{summary.inputs:,} {plural('input', summary.inputs)} in {duration(seconds)}, "
        f"{summary.assessed_tiles:,} tiles judged: of {judged:,} {what}, "
        f"{assessed:,} assessed ({assessed / max(judged, 1):.0%}), {summary.cracked:,} cracked."
    )
    if summary.traced:
        say(f"{cracks_line(summary)}.")
    if summary.strongest:
        for line in _strongest_lines(summary.strongest, stderr.width):
            say(line)
    if summary.doubtful:
        say(
            f"{summary.doubtful:,} {plural('photo', summary.doubtful)} called no-crack in spite of cracked "
            "tiles, because too few of them touch: look at rows with crack_tiles above 0."
        )
    for line in _not_assessed_lines(summary, plan):
        say(line)
    if crack_width_px and summary.min_mm_per_px and summary.max_mm_per_px:
        say(narrowest_crack_line(summary.min_mm_per_px, summary.max_mm_per_px, crack_width_px))
    say(
        f"Rows are in {output}."
        if output
        else "No rows were written; add -o cracks.geojson or -o cracks.csv."
    )


def cracks_line(summary: Summary) -> str:
    """Return how many cracks were traced, and how long they are together."""
    traced = f"{summary.cracks:,} {plural('crack', summary.cracks)} traced"
    measured = summary.cracks - summary.unmeasured_cracks
    if not summary.cracks:
        return "No crack was traced"
    if not measured:
        return f"{traced}, {summary.crack_length_px:,.0f} px together"
    if summary.unmeasured_cracks:
        return (
            f"{traced}: {measured:,} with {summary.crack_length_m:,.2f} m together, "
            f"{summary.unmeasured_cracks:,} of unknown resolution"
        )
    return f"{traced}, {summary.crack_length_m:,.2f} m together"


def join_line(part: Part, targets: Iterable[Path], journal: Path | None) -> str:
    """Return how the rows of all parts of a scan get into its outputs."""
    this, every = f".part-{part.number}-of-", ".part-*-of-"
    journals = str(journal).replace(this, every) if this in str(journal) else "JOURNAL..."
    names = " ".join(f"-o {target}" for target in targets) or "-o OUT"
    return f"When all {part.count} parts are done, join them: crackscan convert {journals} {names}"


def narrowest_crack_line(min_mm_per_px: float, max_mm_per_px: float, width_px: float) -> str:
    """Return which crack width a person can expect to be found; width_px: in px as judged."""
    same = f"{min_mm_per_px:.2g}" == f"{max_mm_per_px:.2g}"
    widths = _range(width_px * min_mm_per_px, width_px * max_mm_per_px)
    return (
        f"At {_range(min_mm_per_px, max_mm_per_px)} mm per px, {widths} mm is about the narrowest crack to "
        f"expect: 9 of 10 synthetic cracks of {'that width' if same else 'these widths'} were found "
        "in tests. Real cracks are harder to find."
    )


def shorten(name: str, most: int) -> str:
    """Return a name with its middle replaced by … if it has more characters than `most`."""
    if cell_len(name) <= most:
        return name
    end = (most - 1) * 2 // 3  # the end of a path tells more than its beginning
    first, last = name[: most - 1 - end], name[len(name) - end :]
    while cell_len(first) + 1 + cell_len(last) > most:  # characters that are two cells wide
        first, last = first[:-1], last[1:]
    return f"{first}…{last}"


def _range(low: float, high: float) -> str:
    ends = f"{low:.2g}", f"{high:.2g}"
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _strongest_lines(results: Sequence[Result], width: int) -> Iterator[str]:
    """Yield the table of the surest cracks. Names that are too long for the console are shortened."""
    rows = [(f"{row.probability:.3f}", row.source, _pixel(row), _position(row)) for row in results]
    widths = [max(map(cell_len, column)) for column in zip(HEADINGS, *rows, strict=True)]
    others = sum(widths) - widths[SOURCE] + GAP * (len(widths) - 1)
    widths[SOURCE] = min(widths[SOURCE], max(width - others, SHORTEST_NAME))
    yield "The surest cracks"
    for cells in (HEADINGS, *rows):
        probability, source, *rest = cells
        padded = [
            probability.rjust(widths[0]),
            *(
                _pad(text, length)
                for text, length in zip([shorten(source, widths[SOURCE]), *rest], widths[1:], strict=True)
            ),
        ]
        yield (" " * GAP).join(padded).rstrip()


def _pad(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _pixel(result: Result) -> str:
    return f"{result.peak_col}, {result.peak_row}" if result.peak_col is not None else ""


def _position(result: Result) -> str:
    return f"{result.lon:.6f}, {result.lat:.6f}" if result.lon is not None else ""


def _not_assessed_lines(summary: Summary, plan: Plan) -> Iterator[str]:
    if count := summary.statuses["nodata"]:
        yield f"{count:,} {plural('row', count)} not assessed: less than half of it is valid."
    if count := summary.statuses["too_coarse"]:
        yield f"{count:,} {plural('row', count)} not assessed: {TOO_COARSE}; --judge-too-coarse judges them."
    if count := summary.statuses["unfamiliar"]:
        yield f"{count:,} {plural('row', count)} not assessed: {UNFAMILIAR}; --judge-unfamiliar judges them."
    yield from _unreadable_lines(summary)
    if plan.poses and (count := plan.poses.unused):
        yield f"{plan.poses.name}: {count:,} of its {plan.poses.lines:,} lines name no photo of this scan."
    if plan.areas and plan.outside:
        left_out = describe_outside(plan.outside)
        yield f"Outside of the areas in {plan.areas.name}, and without a row: {left_out}."
    if plan.areas and (count := plan.areas.closed):
        shapes = plural("shape", count)
        yield f"{plan.areas.name}: a ring that was not closed was closed in {count:,} {shapes}."
    if plan.ignored:
        yield f"Ignored {describe_ignored(plan.ignored)}."
    if count := sum(plan.ignored[ending] for ending in WORLD_FILE_ENDINGS):
        yield (
            f"{count:,} {plural('picture', count)} with a world file may be orthophotos, but were judged as "
            "photos, without positions; make GeoTIFFs of them with gdal_translate -a_srs EPSG:32633."
        )


def _unreadable_lines(summary: Summary) -> Iterator[str]:
    if count := summary.unreadable_inputs:
        yield f"{count:,} {plural('input', count)} could not be read, so nothing is known of their cracks:"
        yield from (f"  {source}: {reason}" for source, reason in summary.unreadable.items())
        if count > len(summary.unreadable):
            yield f"  and {count - len(summary.unreadable):,} more: see the rows with status unreadable."
