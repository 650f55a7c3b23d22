"""Why a mosaic has no longitude and latitude, in words."""

from typing import NamedTuple

import rasterio
from rasterio.crs import CRS

from crackscan.basics.errors import MissingCRS
from crackscan.geo import gcps
from crackscan.geo.georef import LONGEST_TEXT, has_lonlat, has_transform, parse_crs


class _Problem(NamedTuple):
    text: str
    advice: str
    misplaced: bool = False  # it has a coordinate system, in which it lies nowhere on earth


def explain_missing_crs(
    source: str,
    dataset: rasterio.DatasetReader,
    crs: str | None = None,
    *,
    otherwise: str = "write CSV instead",
) -> MissingCRS:
    """Return the error that says why `read_georeference` returned None, and what to do.

    Args:
        source: the mosaic's name in the error.
        dataset: the open mosaic.
        crs: as for `read_georeference`.
        otherwise: what the user can do instead of giving it a georeference.
    """
    problem = _find_problem(dataset, crs)
    return MissingCRS(f"{source}: {problem.text}; {problem.advice} or {otherwise}.")


def misplaced_reason(dataset: rasterio.DatasetReader, crs: str | None = None) -> str | None:
    """Return why the tiles of a mosaic have no position though it has a coordinate system.

    None: it has none, or only a local one. Call it only if `read_georeference` returned None.
    """
    problem = _find_problem(dataset, crs)
    return f"no position: {problem.text}" if problem.misplaced else None


def _find_problem(dataset: rasterio.DatasetReader, crs: str | None) -> _Problem:
    points, points_crs = dataset.gcps
    usable = [candidate for candidate in (dataset.crs, points_crs) if candidate and has_lonlat(candidate)]
    advice = "give one with --crs EPSG:32633"
    if not has_transform(dataset) and gcps.fit_affine(points) is None:
        problem = f"only {gcps.describe_misfit(points)}" if points else "no geotransform"
        return _Problem(f"{problem}, so --crs is not enough", "rectify it with gdalwarp")
    if usable:
        misplaced = _explain_misplaced(usable[0], "its CRS is")
        return _Problem(misplaced, "assign its true one with gdal_edit", misplaced=True)
    if crs is not None:
        misplaced = _explain_misplaced(parse_crs(crs), "--crs names")
        return _Problem(misplaced, "name its true one", misplaced=True)
    if dataset.crs or points_crs:
        return _Problem("its CRS is a local one, without longitude and latitude", advice)
    return _Problem("no CRS", advice)


def _explain_misplaced(crs: CRS, named_by: str) -> str:
    """Return in words why a mosaic has no longitude and latitude, though it has a coordinate system."""
    fault = "not degrees" if crs.is_geographic else "outside of the area of its coordinate system"
    return f"its coordinates are {fault}, though {named_by} {_name(crs)}"


def _name(crs: CRS) -> str:
    code = crs.to_epsg()
    return f"EPSG:{code}" if code is not None else str(crs.to_string())[:LONGEST_TEXT]
