"""GeoParquet 1.1: the columns of a row, geometry as WKB in WGS 84, in row groups."""

import json
from pathlib import Path
from typing import Self

from pyarrow import parquet

from crackscan.basics.records import Result
from crackscan.sinks.arrow import encode, schema, table
from crackscan.sinks.base import FileSink
from crackscan.sinks.values import geometry

ROW_GROUP = 20_000  # rows: held in memory at once; a reader can skip whole groups
GEOMETRY = "geometry"


class GeoParquet(FileSink):
    """Tiles as polygons, photos as points and cracks as lines, in longitude and latitude, as in GeoJSON."""

    needs_crs = True

    def __init__(self, target: Path, *, reviewed: bool = False) -> None:
        super().__init__(target)
        self._reviewed = reviewed
        self._buffer: list[Result] = []
        self._shapes: set[str] = set()

    def __enter__(self) -> Self:
        """Open the file.

        Raises:
            CrackscanError: as a FileSink.
        """
        super().__enter__()
        columns = schema(GEOMETRY, reviewed=self._reviewed)
        self._writer = parquet.ParquetWriter(self._file, columns, compression="zstd")
        return self

    def _add(self, result: Result) -> None:
        self._buffer.append(result)
        if len(self._buffer) == ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        geometries = [self._wkb(result) for result in self._buffer]
        rows = table(self._buffer, geometries, geometry_column=GEOMETRY, reviewed=self._reviewed)
        self._writer.write_table(rows)
        self._buffer.clear()

    def _wkb(self, result: Result) -> bytes | None:
        shape = geometry(result)
        if shape is None:
            return None
        self._shapes.add(shape.kind)
        return encode(shape)

    def _end(self) -> None:
        if self._buffer:
            self._flush()
        # without a "crs" member the specification means longitude and latitude in WGS 84 (OGC:CRS84)
        column = {"encoding": "WKB", "geometry_types": sorted(self._shapes)}
        metadata = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
        self._writer.add_key_value_metadata({"geo": json.dumps(metadata)})

    def _close(self) -> None:
        self._writer.close()  # writes the footer
        super()._close()
