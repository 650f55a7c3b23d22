"""QGIS styles for the layers of a GeoPackage: colour by probability, hatching for what was not assessed.

A crack's line has the colour of its probability and the weight of its width.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pyarrow as pa

RED, GREY = "215,25,28", "90,90,90"

# Lowest probability and opacity, 0 to 255: the crack below must stay visible, no-crack be transparent.
STEPS = ((0.8, 100), (0.6, 75), (0.4, 50), (0.2, 25), (0.0, 0))
EDGE_OPACITY = 2  # of an outline, times that of its fill

# Upper limits of the classes of crack width, in mm where the resolution is known, else in px; line weights
# in mm of the screen. EN 1992-1-1, table 7.1N limits cracks of concrete to 0.2 to 0.4 mm.
WIDTHS = {"width_mm": (0.3, 1.0, 3.0), "width_px": (2.0, 4.0, 8.0)}
WEIGHTS = (0.4, 0.7, 1.1, 1.6)
LINE_COLOUR = """CASE WHEN "probability" >= 0.8 THEN '215,25,28' WHEN "probability" >= 0.6 THEN '244,109,67'
 ELSE '253,174,97' END"""
EXPRESSION = "3"  # QGIS's number of a property that follows from one

DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
GEOMETRY_TYPES = {"Point": "0", "MultiLineString": "1", "Polygon": "2"}  # QGIS's numbers
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


DESCRIPTION = "transparent to red by the probability of a crack, hatched where not assessed"
LINE_DESCRIPTION = "yellow to red by the probability of a crack, heavier lines for wider cracks"


class StyledLayer(NamedTuple):
    """A layer with geometry."""

    name: str
    shape: str  # Point, Polygon or MultiLineString
    filled: bool = True  # whether polygons are coloured, or only their edges are drawn


class Rule(NamedTuple):
    """A group of rows that are drawn alike."""

    label: str
    condition: str
    opacity: int | None = None  # None: not assessed
    weight: float | None = None  # of a line, mm; None: its width is unknown


def style_table(layers: Sequence[StyledLayer], geometry_column: str) -> pa.Table:
    """Return the table `layer_styles`: the default style for each layer."""
    rows = [
        {
            **dict.fromkeys(("f_table_catalog", "f_table_schema", "styleSLD", "owner"), ""),
            "f_table_name": layer.name,
            "f_geometry_column": geometry_column,
            "styleName": "probability",
            "styleQML": qml(layer.shape, filled=layer.filled),
            "useAsDefault": True,
            "description": LINE_DESCRIPTION if layer.shape == "MultiLineString" else DESCRIPTION,
            "update_time": NEVER,
        }
        for layer in layers
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def qml(shape: str, *, filled: bool = True) -> str:
    """Return the style of a layer of points, polygons or lines; only the edges of polygons if not filled."""
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology")
    renderer = ET.SubElement(root, "renderer-v2", type="RuleRenderer", symbollevels="0", forceraster="0")
    rules = ET.SubElement(renderer, "rules", key="probability")
    symbols = ET.SubElement(renderer, "symbols")
    for number, rule in enumerate(_width_rules() if shape == "MultiLineString" else _rules()):
        name = str(number)
        ET.SubElement(rules, "rule", key=f"rule-{name}", label=rule.label, filter=rule.condition, symbol=name)
        match shape:
            case "Point":
                _marker(symbols, name, rule.opacity)
            case "MultiLineString":
                _line(symbols, name, rule.weight)
            case _:
                _fill(symbols, name, rule.opacity, filled=filled)
    ET.SubElement(root, "layerGeometryType").text = GEOMETRY_TYPES[shape]
    ET.indent(root)
    return DOCTYPE + ET.tostring(root, encoding="unicode")


def _rules() -> Iterator[Rule]:
    below, upper = "", "1"
    for low, opacity in STEPS:
        yield Rule(f"{low:g} to {upper}", f'"probability" >= {low}{below}', opacity)
        below, upper = f' AND "probability" < {low}', f"{low:g}"
    yield Rule("not assessed", '"probability" IS NULL', None)


def _width_rules() -> Iterator[Rule]:
    """Yield the classes of width, the narrowest first."""
    for column, unit in (("width_mm", "mm"), ("width_px", "px")):
        known = f'"{column}" IS NOT NULL' + (' AND "width_mm" IS NULL' if unit == "px" else "")
        above = 0.0
        for limit, weight in zip((*WIDTHS[column], None), WEIGHTS, strict=True):
            within = f' AND "{column}" > {above}' + (f' AND "{column}" <= {limit}' if limit else "")
            label = f"{above:g} to {limit:g} {unit}" if limit else f"over {above:g} {unit}"
            yield Rule(f"{label} wide", known + within, weight=weight)
            above = limit or above
    yield Rule("of unknown width", '"width_mm" IS NULL AND "width_px" IS NULL')


def _line(symbols: ET.Element, name: str, weight: float | None) -> None:
    symbol = ET.SubElement(symbols, "symbol", name=name, type="line", alpha="1")
    looks = {"line_color": f"{RED},255", "capstyle": "round", "joinstyle": "round"}
    style = "dash" if weight is None else "solid"
    layer = _layer(symbol, "SimpleLine", line_width=f"{weight or WEIGHTS[0]:g}", line_style=style, **looks)
    colour = _options(ET.SubElement(layer, "data_defined_properties"), name="", type="collection")
    properties = ET.SubElement(colour, "Option", name="properties", type="Map")
    colour = _options(properties, expression=LINE_COLOUR)
    colour.set("name", "outlineColor")
    ET.SubElement(colour, "Option", name="active", type="bool", value="true")
    ET.SubElement(colour, "Option", name="type", type="int", value=EXPRESSION)


def _fill(symbols: ET.Element, name: str, opacity: int | None, *, filled: bool) -> None:
    symbol = ET.SubElement(symbols, "symbol", name=name, type="fill", alpha="1")
    if not filled:
        _layer(symbol, "SimpleFill", style="no", outline_color=f"{GREY},255", outline_width="0.3")
    elif opacity is not None:
        edge = {"outline_color": f"{RED},{EDGE_OPACITY * opacity}", "outline_width": "0.3"}
        _layer(symbol, "SimpleFill", color=f"{RED},{opacity}", **edge)
    if opacity is not None:
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
    _options(layer, **properties)
    return layer


def _options(parent: ET.Element, **properties: str) -> ET.Element:
    options = ET.SubElement(parent, "Option", type="Map")
    for name, value in properties.items():
        ET.SubElement(options, "Option", name=name, type="QString", value=value)
    return options
