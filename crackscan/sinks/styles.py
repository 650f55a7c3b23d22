"""QGIS styles for the layers of a GeoPackage: colour by probability, hatching for what was not assessed."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pyarrow as pa

RED, GREY = "215,25,28", "90,90,90"

# Lowest probability and opacity, 0 to 255: the crack below must stay visible, no-crack be transparent.
STEPS = ((0.8, 100), (0.6, 75), (0.4, 50), (0.2, 25), (0.0, 0))
EDGE_OPACITY = 2  # of an outline, times that of its fill

DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
GEOMETRY_TYPES = {"Point": "0", "Polygon": "2"}  # QGIS's numbers
NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # the same rows give the same bytes

# The columns of the table as QGIS itself makes it.
TEXT_COLUMNS = (
    "f_table_catalog",
    "f_table_schema",
    "f_table_name",
    "f_geometry_column",
    "styleName",
    "styleQML",
)
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in (*TEXT_COLUMNS, "styleSLD")),
        ("useAsDefault", pa.bool_()),
        *((name, pa.string()) for name in ("description", "owner", "ui")),
        ("update_time", pa.timestamp("ms", tz="UTC")),
    ]
)


class Rule(NamedTuple):
    """A group of rows that are drawn alike, and their opacity; None: not assessed."""

    label: str
    condition: str
    opacity: int | None


def style_table(layers: Sequence[tuple[str, str]], geometry_column: str) -> pa.Table:
    """Return the table `layer_styles`: the default style for each layer, given by name and shape."""
    rows = [
        {
            **dict.fromkeys(("f_table_catalog", "f_table_schema", "styleSLD", "owner"), ""),
            "f_table_name": name,
            "f_geometry_column": geometry_column,
            "styleName": "probability",
            "styleQML": qml(shape),
            "useAsDefault": True,
            "description": "transparent to red by the probability of a crack, hatched where not assessed",
            "update_time": NEVER,
        }
        for name, shape in layers
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def qml(shape: str) -> str:
    """Return the style of a layer of points or polygons."""
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology")
    renderer = ET.SubElement(root, "renderer-v2", type="RuleRenderer", symbollevels="0", forceraster="0")
    rules = ET.SubElement(renderer, "rules", key="probability")
    symbols = ET.SubElement(renderer, "symbols")
    for number, rule in enumerate(_rules()):
        name = str(number)
        ET.SubElement(rules, "rule", key=f"rule-{name}", label=rule.label, filter=rule.condition, symbol=name)
        _marker(symbols, name, rule.opacity) if shape == "Point" else _fill(symbols, name, rule.opacity)
    ET.SubElement(root, "layerGeometryType").text = GEOMETRY_TYPES[shape]
    ET.indent(root)
    return DOCTYPE + ET.tostring(root, encoding="unicode")


def _rules() -> Iterator[Rule]:
    below, upper = "", "1"
    for low, opacity in STEPS:
        yield Rule(f"{low:g} to {upper}", f'"probability" >= {low}{below}', opacity)
        below, upper = f' AND "probability" < {low}', f"{low:g}"
    yield Rule("not assessed", '"probability" IS NULL', None)


def _fill(symbols: ET.Element, name: str, opacity: int | None) -> None:
    symbol = ET.SubElement(symbols, "symbol", name=name, type="fill", alpha="1")
    if opacity is not None:
        edge = {"outline_color": f"{RED},{EDGE_OPACITY * opacity}", "outline_width": "0.3"}
        _layer(symbol, "SimpleFill", color=f"{RED},{opacity}", **edge)
        return
    hatch = _layer(symbol, "LinePatternFill", angle="45", distance="2")
    lines = ET.SubElement(hatch, "symbol", name=f"@{name}@0", type="line", alpha="1")
    _layer(lines, "SimpleLine", line_color=f"{GREY},200", line_width="0.3")


def _marker(symbols: ET.Element, name: str, opacity: int | None) -> None:
    symbol = ET.SubElement(symbols, "symbol", name=name, type="marker", alpha="1")
    looks = {"size": "3", "outline_color": f"{GREY},255"}
    if opacity is not None:
        _layer(symbol, "SimpleMarker", name="circle", color=f"{RED},{EDGE_OPACITY * opacity}", **looks)
    else:
        _layer(symbol, "SimpleMarker", name="cross2", color=f"{GREY},255", **looks)


def _layer(symbol: ET.Element, kind: str, **properties: str) -> ET.Element:
    layer = ET.SubElement(symbol, "layer", {"class": kind}, enabled="1", locked="0")
    options = ET.SubElement(layer, "Option", type="Map")
    for name, value in properties.items():
        ET.SubElement(options, "Option", name=name, type="QString", value=value)
    return layer
