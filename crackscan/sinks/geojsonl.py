"""GeoJSON text sequence (RFC 8142, but with records ended by LF and without RS): one feature on each line."""

from crackscan.basics.records import Result
from crackscan.sinks.geojson import format_feature
from crackscan.sinks.text import TextFormat


def format_row(result: Result) -> str:
    """Format one result as a Feature on a line."""
    return format_feature(result) + "\n"


GEOJSONL = TextFormat(format_row, needs_crs=True)
