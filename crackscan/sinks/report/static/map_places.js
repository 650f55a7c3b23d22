// Places: where each row lies in a frame, in metres (or px) from left to right and from bottom to top.

import { windowOf } from "./decode.js";
import { metres } from "./map_frames.js";

const LONE_POINT_M = 10; // around a single position

/** The places of the rows of one frame: four corners for a tile or a footprint, a point for a photo, NaN for others. */
export class Places {
  constructor(survey, frame) {
    this.survey = survey;
    this.frame = frame;
    const { rows } = survey;
    this.corners = new Float32Array(8 * rows.count).fill(NaN);
    this.points = new Float32Array(2 * rows.count).fill(NaN);
    for (let row = 0; row < rows.count; row += 1) {
      if (!frame.sources.has(rows.source[row])) continue;
      if (rows.source[row] in survey.sources.mosaics) this.placeTile(row);
      else if (!Number.isNaN(rows.lon[row])) this.points.set(metres(frame.origin, rows.lon[row], rows.lat[row]), 2 * row);
    }
    for (const [row, ...outline] of survey.outlines) {
      if (!frame.sources.has(rows.source[row])) continue;
      for (let i = 0; i < 8; i += 2) this.corners.set(metres(frame.origin, outline[i], outline[i + 1]), 8 * row + i);
    }
  }

  placeTile(row) {
    const window = windowOf(this.survey, row);
    if (!window) return;
    const source = this.survey.rows.source[row];
    const [right, bottom] = [window.col + window.width, window.row + window.height];
    const corners = [[window.col, window.row], [window.col, bottom], [right, bottom], [right, window.row]];
    corners.forEach(([col, down], i) => this.corners.set(this.ofPixel(source, col, down), 8 * row + 2 * i));
  }

  /** Returns the place of px of a mosaic. */
  ofPixel(source, col, row) {
    const { affine } = this.survey.sources.mosaics[source];
    if (!this.frame.origin) return [col, -row];
    const [a, b, c, d, e, f] = affine;
    return metres(this.frame.origin, a * col + b * row + c, d * col + e * row + f);
  }

  hasPoint(row) {
    return !Number.isNaN(this.points[2 * row]);
  }

  hasCorners(row) {
    return !Number.isNaN(this.corners[8 * row]);
  }

  /** Returns the point of a row, else its first corner, or null: it has no place in this frame. */
  anchor(row) {
    if (this.hasPoint(row)) return this.points.subarray(2 * row, 2 * row + 2);
    return this.hasCorners(row) ? this.corners.subarray(8 * row, 8 * row + 2) : null;
  }

  /** Returns the length of a tile's diagonal, or NaN. */
  diagonal(row) {
    const [left, top, , , right, bottom] = this.corners.subarray(8 * row, 8 * row + 6);
    return Math.hypot(right - left, bottom - top);
  }

  /** Returns south west and north east of all places, with a margin; null for nothing. */
  bounds() {
    let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const values of [this.corners, this.points]) {
      for (let i = 0; i < values.length; i += 2) {
        if (Number.isNaN(values[i])) continue;
        west = Math.min(west, values[i]);
        east = Math.max(east, values[i]);
        south = Math.min(south, values[i + 1]);
        north = Math.max(north, values[i + 1]);
      }
    }
    if (west > east) return null;
    const margin = 0.08 * Math.max(east - west, north - south) || LONE_POINT_M;
    return [[south - margin, west - margin], [north + margin, east + margin]];
  }

  /** Returns whether x, y lies inside of the corners of a row. */
  isInside(row, x, y) {
    const corners = this.corners.subarray(8 * row, 8 * row + 8);
    let inside = false;
    for (let i = 0, j = 6; i < 8; j = i, i += 2) {
      const crosses = corners[i + 1] > y !== corners[j + 1] > y;
      if (crosses && x < corners[i] + ((y - corners[i + 1]) * (corners[j] - corners[i])) / (corners[j + 1] - corners[i + 1])) {
        inside = !inside;
      }
    }
    return inside;
  }
}
