"""GeoJSON text sequence (RFC 8142, its records parted by LF without RS): a feature a line."""

from crackscan.basics.records import Result
from crackscan.sinks.geojson import feature
from crackscan.sinks.text import Layout


def line(result: Result) -> str:
    """Write one result as a Feature on a line."""
    return feature(result) + "\n"


GEOJSONL = Layout(row=line, needs_crs=True)
