"""Rows of the scanned sources: tiles become results, one for each tile or one for a whole photo."""

from dataclasses import replace
from typing import Any

from crackscan.basics import grid
from crackscan.basics.records import Kind, Per, Result, Status, Work
from crackscan.scanning.tiles import UNFAMILIAR, Tile

OFF_THE_EARTH = "no position: outside of the area of its coordinate system"


def tile_row(work: Work, tile: Tile, **known: Any) -> Result:
    """Return the row of a tile; `known` are further columns."""
    peak_col, peak_row = tile.peak or (None, None)
    return Result(
        source=work.source,
        kind="tile",
        status=tile.status,
        probability=tile.probability,
        **tile.window._asdict(),
        peak_col=peak_col,
        peak_row=peak_row,
        valid=tile.valid,
        reason=tile.reason,
        distance=tile.distance,
        traces=tile.traces,
        **known,
    )


def photo_and_tile_rows(work: Work, tiles: list[Tile], valid: float) -> list[Result]:
    """Return the row of a photo, which has all traces, and those of its tiles; valid: as for `photo_row`."""
    traces = tuple(trace for tile in tiles for trace in tile.traces)
    photo = replace(photo_row(work, tiles, valid), traces=traces)
    return [photo, *(tile_row(work, tile._replace(traces=())) for tile in tiles)]


def photo_row(work: Work, tiles: list[Tile], valid: float) -> Result:
    """Return the row of a photo, which shows its strongest tile; valid: fraction of its pixels, 0..1."""
    assessed = [tile for tile in tiles if tile.status == "ok"]
    unfamiliar = [tile for tile in tiles if tile.status == "unfamiliar"]
    distance = min((tile.distance for tile in tiles if tile.distance is not None), default=None)
    if not assessed:
        return _photo_row_not_assessed(work, unfamiliar, valid, distance)
    strongest = max(assessed, key=lambda tile: tile.probability or 0.0)
    return replace(
        tile_row(work, strongest._replace(traces=())),
        kind="photo",
        tiles=len(assessed),
        valid=valid,
        reason=join_reasons(strongest.reason, _count_unfamiliar(unfamiliar, tiles)),
        distance=distance,
        judged=tuple((tile.window, tile.probability or 0.0) for tile in assessed),
    )


def kind_per(per: Per) -> Kind:
    """Return the kind of a photo's rows as they are written; where cracks were traced, it has others, too."""
    return "tile" if per == "tile" else "photo"


def rows_per(rows: list[Result], per: Per) -> list[Result]:
    """Return the rows of a Work as they are written per photo, or per tile of a photo.

    Where cracks are traced, a photo has the row of both kinds.
    """
    kind = kind_per(per)
    return [row for row in rows if row.kind == kind] or rows


def unreadable_rows(work: Work, reason: str) -> list[Result]:
    """Return one row for a photo, or one for each tile that a mosaic's band would have given."""
    if work.window is None:
        kind: Kind = "photo" if work.kind == "photo" else "tile"
        return [Result(source=work.source, kind=kind, status="unreadable", reason=reason)]
    if work.kind == "photo":
        return [tile_row(work, Tile(work.window, "unreadable", reason=reason))]
    windows = grid.tiles(work.window, tile_px=work.tile_px, overlap=work.options.overlap)
    return [tile_row(work, Tile(window, "unreadable", reason=reason)) for window in windows]


def join_reasons(*reasons: str | None) -> str | None:
    """Return the reasons that there are as one text, or None."""
    return "; ".join(filter(None, reasons)) or None


def _photo_row_not_assessed(
    work: Work, unfamiliar: list[Tile], valid: float, distance: float | None
) -> Result:
    status: Status = "unfamiliar" if unfamiliar else "nodata"
    reason = min(unfamiliar, key=lambda tile: tile.distance or 0.0).reason if unfamiliar else None
    return Result(
        source=work.source,
        kind="photo",
        status=status,
        tiles=0,
        crack_tiles=0,
        valid=valid,
        reason=reason,
        distance=distance,
    )


def _count_unfamiliar(unfamiliar: list[Tile], tiles: list[Tile]) -> str | None:
    return f"{len(unfamiliar):,} of {len(tiles):,} tiles are {UNFAMILIAR}" if unfamiliar else None
