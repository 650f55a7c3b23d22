"""GeoParquet 1.1: a column a column, geometry as WKB in WGS 84, in row groups."""

import json
from pathlib import Path
from typing import Self

from pyarrow import parquet

from crackscan.basics.records import Result
from crackscan.sinks.arrow import point, polygon, schema, table
from crackscan.sinks.base import FileSink
from crackscan.sinks.values import geometry

ROW_GROUP = 20_000  # rows: what is held in memory, and what a reader can skip
GEOMETRY = "geometry"


class GeoParquet(FileSink):
    """Tiles as polygons and photos as points, in longitude and latitude, as in GeoJSON."""

    needs_crs = True

    def __init__(self, target: Path) -> None:
        super().__init__(target)
        self._pending: list[Result] = []
        self._shapes: set[str] = set()

    def __enter__(self) -> Self:
        """Open the file.

        Raises: CrackscanError: as a FileSink.
        """
        super().__enter__()
        self._writer = parquet.ParquetWriter(self._file, schema(GEOMETRY), compression="zstd")
        return self

    def _add(self, result: Result) -> None:
        self._pending.append(result)
        if len(self._pending) == ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        geometries = [self._wkb(result) for result in self._pending]
        self._writer.write_table(table(self._pending, geometries, geometry_column=GEOMETRY))
        self._pending.clear()

    def _wkb(self, result: Result) -> bytes | None:
        shape = geometry(result)
        if shape is None:
            return None
        self._shapes.add(shape.kind)
        positions = [(float(lon), float(lat)) for lon, lat in shape.positions]
        return polygon(positions) if shape.kind == "Polygon" else point(positions[0])

    def _end(self) -> None:
        if self._pending:
            self._flush()
        # no "crs" member: longitude and latitude in WGS 84, as the specification has it (OGC:CRS84)
        column = {"encoding": "WKB", "geometry_types": sorted(self._shapes)}
        metadata = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
        self._writer.add_key_value_metadata({"geo": json.dumps(metadata)})

    def _close(self) -> None:
        self._writer.close()  # puts the footer
        super()._close()
