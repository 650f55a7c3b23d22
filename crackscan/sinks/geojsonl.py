"""GeoJSON text sequence (RFC 8142, its records parted by LF without RS): a feature a line."""

from crackscan.basics.records import Result
from crackscan.sinks.geojson import feature
from crackscan.sinks.text import TextFormat


def geojson_line(result: Result) -> str:
    """Write one result as a Feature on a line."""
    return feature(result) + "\n"


GEOJSONL = TextFormat(row=geojson_line, needs_crs=True)
