"""GeoJSON (RFC 7946): one collection, one feature on each line."""

import json

from crackscan.basics.records import Result
from crackscan.sinks.text import TextFormat
from crackscan.sinks.values import Cell, cells, geometry


def format_feature(result: Result) -> str:
    """Format one result as a Feature, on one line without a line end.

    Numbers are copied as text: `json` would write 0.5 and 1e-06 where CSV has 0.500000 and 0.000001.
    """
    members = ", ".join(f'"{cell.column}": {_value(cell)}' for cell in cells(result))
    return f'{{"type": "Feature", "geometry": {_geometry(result)}, "properties": {{{members}}}}}'


def _value(cell: Cell) -> str:
    if cell.text is None:
        return "null"
    return cell.text if cell.is_number else json.dumps(cell.text, ensure_ascii=False)


def _geometry(result: Result) -> str:
    shape = geometry(result)
    if shape is None:
        return "null"
    parts = [", ".join(f"[{lon}, {lat}]" for lon, lat in part) for part in shape.parts]
    listed = ", ".join(f"[{part}]" for part in parts)
    coordinates = parts[0] if shape.kind == "Point" else f"[{listed}]"
    return f'{{"type": "{shape.kind}", "coordinates": {coordinates}}}'


GEOJSON = TextFormat(
    format_feature,
    needs_crs=True,
    header='{"type": "FeatureCollection", "features": [\n',
    separator=",\n",
    footer="\n]}\n",
)
