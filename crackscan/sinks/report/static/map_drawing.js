// Drawings of the map on a canvas: overviews of mosaics, tiles, crack lines and photos, as far as they are in view.

import { eachLine } from "./decode.js";

const POINT_PX = 6; // radius of a photo
const TINY_PX = 5; // tiles of this width have no outlines, which would hide all else
export const COLOURS = { crack: "#c2410c", almost: "#e8a33d", "no-crack": "#3b82b6", blind: "#6b6b6b" };
const OPACITY = { crack: 0.55, almost: 0.4, "no-crack": 0.1, blind: 1 };
const ORDER = ["no-crack", "blind", "almost", "crack"]; // the later is drawn above

/** One drawing of the map, for one view: {origin, scale, size}, px of the canvas. */
export class MapDrawing {
  constructor(map, context, view) {
    this.survey = map.survey;
    this.surveyMap = map; // for its rows by state, and its images
    this.places = map.places;
    this.context = context;
    this.view = view;
  }

  drawAll() {
    this.drawOverviews();
    for (const state of ORDER) this.drawTiles(state);
    this.drawLines();
    for (const state of ORDER) this.drawPhotos(state);
  }

  /** Returns x, y in px of the canvas. */
  toScreen(x, y) {
    const { origin, scale } = this.view;
    return [origin.x + x * scale, origin.y - y * scale];
  }

  pointOnScreen(row) {
    return this.toScreen(this.places.points[2 * row], this.places.points[2 * row + 1]);
  }

  inView(x, y) {
    const { size } = this.view;
    return x > -60 && y > -60 && x < size.x + 60 && y < size.y + 60;
  }

  drawOverviews() {
    const { context, places } = this;
    for (const source of places.frame.sources) {
      const known = this.survey.sources.mosaics[source]?.overview;
      const image = known && this.surveyMap.image(source);
      if (!image || !image.complete || image.naturalWidth === 0) continue;
      const [width, height] = known;
      const [left, top] = this.toScreen(...places.ofPixel(source, 0, 0));
      const [right, rightTop] = this.toScreen(...places.ofPixel(source, width, 0));
      const [leftBottom, bottom] = this.toScreen(...places.ofPixel(source, 0, height));
      const [across, down] = [image.naturalWidth, image.naturalHeight];
      context.save();
      context.transform(
        (right - left) / across, (rightTop - top) / across, (leftBottom - left) / down, (bottom - top) / down, left, top,
      );
      context.drawImage(image, 0, 0);
      context.restore();
    }
  }

  drawTiles(state) {
    const { context } = this;
    context.fillStyle = state === "blind" ? this.hatching() : COLOURS[state];
    context.strokeStyle = COLOURS[state];
    context.lineWidth = state === "crack" ? 1.2 : 0.6;
    const isTiny = this.pxPerTile() < TINY_PX;
    for (const row of this.surveyMap.byState[state]) {
      if (!this.places.hasCorners(row)) continue;
      context.globalAlpha = OPACITY[state];
      if (isTiny) this.fillTiny(row);
      else if (this.tracePath(row)) {
        // one by one: a path of 100,000 tiles would take a browser minutes
        context.fill();
        context.globalAlpha = state === "crack" || state === "blind" ? 0.9 : 0.25;
        context.stroke();
      }
    }
    context.globalAlpha = 1;
  }

  /** Fills a tile of a few px as an upright rectangle of whole px: quick, and without gaps. */
  fillTiny(row) {
    const at = 8 * row;
    const { corners } = this.places;
    const [x0, y0] = this.toScreen(corners[at], corners[at + 1]);
    const [x1, y1] = this.toScreen(corners[at + 4], corners[at + 5]);
    const [left, right] = [Math.round(Math.min(x0, x1)), Math.round(Math.max(x0, x1))];
    const [top, bottom] = [Math.round(Math.min(y0, y1)), Math.round(Math.max(y0, y1))];
    if (this.inView(left, top)) this.context.fillRect(left, top, Math.max(right - left, 1), Math.max(bottom - top, 1));
  }

  /** Returns how many px a tile is wide on the screen. */
  pxPerTile() {
    const { byState } = this.surveyMap;
    const row = byState.crack[0] ?? byState["no-crack"][0] ?? 0;
    return this.places.hasCorners(row) ? this.places.diagonal(row) * this.view.scale * 0.7 : 10;
  }

  /** Traces the outline of a row, and returns whether it is in view. */
  tracePath(row) {
    if (!this.places.hasCorners(row)) return false;
    const at = 8 * row;
    const { context } = this;
    const { corners } = this.places;
    const [x, y] = this.toScreen(corners[at], corners[at + 1]);
    const [right, bottom] = this.toScreen(corners[at + 4], corners[at + 5]);
    if (!this.inView(x, y) && !this.inView(right, bottom) && Math.hypot(right - x, bottom - y) < 60) return false;
    context.beginPath();
    context.moveTo(x, y);
    for (let i = 2; i < 8; i += 2) context.lineTo(...this.toScreen(corners[at + i], corners[at + i + 1]));
    context.closePath();
    return true;
  }

  /** Returns the pattern of what was not assessed, in whole px of the canvas: scaled, its seams would be seen. */
  hatching() {
    const ratio = this.context.getTransform().a;
    const tile = document.createElement("canvas");
    tile.width = tile.height = Math.round(8 * ratio);
    const pen = tile.getContext("2d");
    pen.scale(tile.width / 8, tile.width / 8);
    pen.fillStyle = "rgba(235, 235, 235, 0.55)";
    pen.fillRect(0, 0, 8, 8);
    pen.strokeStyle = COLOURS.blind;
    pen.lineWidth = 1.2;
    pen.beginPath();
    for (const shift of [-8, 0, 8]) {
      pen.moveTo(shift, 8);
      pen.lineTo(shift + 8, 0);
    }
    pen.stroke();
    const pattern = this.context.createPattern(tile, "repeat");
    pattern.setTransform(new DOMMatrix().scale(1 / ratio));
    return pattern;
  }

  drawLines() {
    const { context, places, survey } = this;
    const { points } = survey.lines;
    if (!points || points.length === 0) return;
    context.beginPath();
    for (const state of ["crack", "almost"]) {
      for (const row of this.surveyMap.byState[state]) {
        const source = survey.rows.source[row];
        if (!places.frame.sources.has(source) || !survey.sources.mosaics[source]) continue;
        eachLine(survey, row, (first, end) => {
          for (let point = first; point < end; point += 1) {
            const [x, y] = this.toScreen(...places.ofPixel(source, points[2 * point] / 10, points[2 * point + 1] / 10));
            if (point === first) context.moveTo(x, y);
            else context.lineTo(x, y);
          }
        });
      }
    }
    context.lineJoin = "round";
    this.strokeTwice(["#ffffff", 3.5], ["#7a1fa2", 1.8]);
  }

  drawPhotos(state) {
    for (const row of this.surveyMap.byState[state]) {
      if (!this.places.hasPoint(row)) continue;
      const [x, y] = this.pointOnScreen(row);
      if (this.inView(x, y)) this.drawPhoto(row, x, y, state);
    }
  }

  drawPhoto(row, x, y, state) {
    const { context } = this;
    const heading = (this.survey.rows.heading[row] * Math.PI) / 180;
    context.lineWidth = 2;
    context.strokeStyle = COLOURS[state];
    if (!Number.isNaN(heading)) {
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + 16 * Math.sin(heading), y - 16 * Math.cos(heading));
      context.stroke();
    }
    context.beginPath();
    if (state === "blind") context.rect(x - POINT_PX, y - POINT_PX, 2 * POINT_PX, 2 * POINT_PX);
    else context.arc(x, y, POINT_PX, 0, 2 * Math.PI);
    context.fillStyle = state === "blind" ? "#ffffff" : COLOURS[state];
    context.fill();
    if (state === "blind") {
      context.fillStyle = this.hatching();
      context.fill();
    }
    context.lineWidth = 1.5;
    context.strokeStyle = state === "blind" ? COLOURS.blind : "#ffffff";
    context.stroke();
  }

  /** Draws a frame around a row. */
  drawSelected(row) {
    const { context } = this;
    context.beginPath();
    if (this.places.hasPoint(row)) context.arc(...this.pointOnScreen(row), POINT_PX + 5, 0, 2 * Math.PI);
    else if (!this.tracePath(row)) return;
    this.strokeTwice(["#ffffff", 5], ["#111111", 2.5]);
  }

  /** Draws a scale bar of a length, px, into the lower left corner. */
  drawBar(length, text) {
    const { context } = this;
    const [left, bottom] = [10, this.view.size.y - 10];
    context.beginPath();
    context.moveTo(left, bottom - 6);
    context.lineTo(left, bottom);
    context.lineTo(left + length, bottom);
    context.lineTo(left + length, bottom - 6);
    this.strokeTwice(["#ffffff", 4], ["#111111", 1.5]);
    context.font = "13px sans-serif";
    context.textAlign = "center";
    context.strokeStyle = "#ffffff";
    context.lineWidth = 3;
    context.strokeText(text, left + length / 2, bottom - 6);
    context.fillStyle = "#111111";
    context.fillText(text, left + length / 2, bottom - 6);
  }

  strokeTwice(...pens) {
    for (const [colour, width] of pens) {
      this.context.strokeStyle = colour;
      this.context.lineWidth = width;
      this.context.stroke();
    }
  }
}
