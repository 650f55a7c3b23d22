// The map: tiles of mosaics and positions of photos, drawn on one canvas above the mosaics' own overviews.

import { eachLine, windowOf } from "./decode.js";
import { count } from "./elements.js";
import { overviewAddress, shortName } from "./pictures.js";

const PER_LAT = 110_540; // m per degree of latitude
const PER_LON = 111_320; // m per degree of longitude, at the equator
const POINT_PX = 6; // radius of a photo
const REGION_M = 10_000; // from its first position: farther ones are another region
const AROUND_M = 25; // around a photo that the map is centred on
const TINY_PX = 5; // tiles of this width have no outlines, which would hide all else
const LONE_POINT_M = 10; // around a single position
const CLICK_PX = 14;
const PRINT_PX = 700; // width of the printed map, and at most 0.62 of it its height
const ZOOM = { crs: L.CRS.Simple, minZoom: -16, maxZoom: 12, zoomSnap: 0.25, zoomAnimation: false, attributionControl: false };
export const COLOURS = { crack: "#c2410c", almost: "#e8a33d", "no-crack": "#3b82b6", blind: "#6b6b6b" };
const OPACITY = { crack: 0.55, almost: 0.4, "no-crack": 0.1, blind: 1 };
const ORDER = ["no-crack", "blind", "almost", "crack"]; // the later is drawn above

/** Returns x, y in metres of a position on earth, from an origin that is not far away. */
function metres([lon0, lat0], lon, lat) {
  return [(lon - lon0) * PER_LON * Math.cos((lat0 * Math.PI) / 180), (lat - lat0) * PER_LAT];
}

/** What can be shown together: the sources of one region on earth, or one mosaic in its own pixels. */
function frames(survey) {
  const found = regions(survey);
  found.forEach((frame, number) => {
    frame.id = `region-${number}`;
    const name = shortName(survey, [...frame.sources][0]);
    frame.label = found.length === 1 ? "Map" : `${name}${frame.sources.size > 1 ? ` and ${count(frame.sources.size - 1)} more` : ""}`;
  });
  for (const source of Object.keys(survey.sources.mosaics)) {
    if (!survey.sources.mosaics[source].affine) {
      found.push({ id: `pixels-${source}`, label: `${shortName(survey, source)} (pixels)`, sources: new Set([Number(source)]) });
    }
  }
  return found;
}

/** Returns the regions of a survey: a position belongs to the first region whose first position is near. */
function regions(survey) {
  const { lon, lat, source } = survey.rows;
  const found = [];
  for (let row = 0; row < lon.length; row += 1) {
    if (Number.isNaN(lon[row])) continue;
    let region = found.find(({ origin }) => Math.hypot(...metres(origin, lon[row], lat[row])) < REGION_M);
    if (!region) {
      region = { origin: [lon[row], lat[row]], sources: new Set() };
      found.push(region);
    }
    region.sources.add(source[row]);
  }
  return found;
}

/** The map; it follows the app. Positions are in metres, or in px, from left to right and from bottom to top. */
export class SurveyMap {
  constructor(app) {
    this.app = app;
    this.survey = app.survey;
    this.frames = frames(app.survey);
    if (this.frames.length === 0) {
      document.body.classList.add("without-map");
      return;
    }
    this.frame = this.frames[0];
    this.map = L.map("map", ZOOM);
    const pane = this.map.getPanes().overlayPane;
    this.canvas = L.DomUtil.create("canvas", "map-canvas", pane);
    this.marker = L.DomUtil.create("canvas", "map-canvas", pane); // apart, so that a selection draws no tiles
    this.images = new Map();
    this.map.on("moveend", () => this.draw());
    this.map.on("click", (event) => this.click(event));
    new ResizeObserver(() => this.resize()).observe(document.getElementById("map"));
    this.sortByState();
    this.fillFrames();
    this.place();
    this.fit();
    app.on("threshold", () => this.sortByState());
    app.on("threshold", () => this.drawSoon());
    app.on("select", (row) => this.reveal(row));
  }

  resize() {
    const before = this.map.getSize();
    this.map.invalidateSize();
    if (this.view && before.equals(this.map.getSize())) return;
    const wasHidden = before.x === 0; // on a narrow screen, until its button is pressed
    if (wasHidden) this.fit();
    this.draw();
  }

  fillFrames() {
    const choice = document.getElementById("frame");
    for (const frame of this.frames) choice.append(new Option(frame.label, frame.id));
    choice.parentElement.hidden = this.frames.length < 2;
    choice.addEventListener("change", () => this.change(choice.value));
    document.getElementById("whole").addEventListener("click", () => this.fit());
    document.getElementById("centre").addEventListener("click", () => this.zoomToSelected());
  }

  change(id) {
    this.frame = this.frames.find((frame) => frame.id === id);
    document.getElementById("frame").value = id;
    this.place();
    this.fit();
    this.draw();
  }

  /** Returns x, y on the map of px of a mosaic. */
  toMap(source, col, row) {
    const affine = this.survey.sources.mosaics[source].affine;
    if (!this.frame.origin) return [col, -row];
    const [a, b, c, d, e, f] = affine;
    return metres(this.frame.origin, a * col + b * row + c, d * col + e * row + f);
  }

  /** Computes where each row lies: four corners for a tile or a footprint, a point for a photo. */
  place() {
    const { rows } = this.app;
    this.corners = new Float32Array(8 * rows.count).fill(NaN);
    this.points = new Float32Array(2 * rows.count).fill(NaN);
    for (let row = 0; row < rows.count; row += 1) {
      if (!this.frame.sources.has(rows.source[row])) continue;
      if (rows.source[row] in this.survey.sources.mosaics) this.placeTile(row);
      else if (!Number.isNaN(rows.lon[row])) {
        this.points.set(metres(this.frame.origin, rows.lon[row], rows.lat[row]), 2 * row);
      }
    }
    for (const [row, ...outline] of this.survey.outlines) {
      if (!this.frame.sources.has(rows.source[row])) continue;
      for (let i = 0; i < 8; i += 2) {
        this.corners.set(metres(this.frame.origin, outline[i], outline[i + 1]), 8 * row + i);
      }
    }
  }

  placeTile(row) {
    const window = windowOf(this.survey, row);
    if (!window) return;
    const source = this.app.rows.source[row];
    const [right, bottom] = [window.col + window.width, window.row + window.height];
    const corners = [[window.col, window.row], [window.col, bottom], [right, bottom], [right, window.row]];
    corners.forEach(([col, down], i) => this.corners.set(this.toMap(source, col, down), 8 * row + 2 * i));
  }

  /** Returns south west and north east of all that the frame shows, with a margin; null for nothing. */
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

  fit() {
    const bounds = this.bounds();
    if (bounds) this.map.fitBounds(bounds, { animate: false });
  }

  drawSoon() {
    cancelAnimationFrame(this.pending);
    this.pending = requestAnimationFrame(() => this.draw());
  }

  /** Draws all that is in view. */
  draw() {
    if (!this.map || !this.map._loaded) return;
    const origin = this.map.latLngToContainerPoint([0, 0]);
    this.view = { origin, scale: this.map.getZoomScale(this.map.getZoom(), 0), size: this.map.getSize() };
    this.drawAll(this.clear(this.canvas));
    this.drawSelected();
    this.drawScale();
  }

  drawAll(context) {
    this.drawOverviews(context);
    for (const state of ORDER) this.drawTiles(context, state);
    this.drawLines(context);
    for (const state of ORDER) this.drawPhotos(context, state);
  }

  /** Returns the whole frame as a canvas of its own, to be printed; null where there is nothing to show. */
  printed() {
    const bounds = this.map && this.bounds();
    if (!bounds) return null;
    const [[south, west], [north, east]] = bounds;
    const shown = this.view;
    const [across, down] = [east - west, north - south];
    const scale = Math.min(PRINT_PX / across, (0.62 * PRINT_PX) / down);
    const size = { x: Math.ceil(across * scale), y: Math.ceil(down * scale) };
    this.view = { origin: { x: -west * scale, y: north * scale }, scale, size };
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * size.x, 2 * size.y];
    const context = canvas.getContext("2d");
    context.scale(2, 2);
    this.drawAll(context);
    this.view = shown;
    return canvas;
  }

  /** Empties a canvas, lays it over the view, and returns its context. */
  clear(canvas) {
    const { size } = this.view;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = size.x * ratio;
    canvas.height = size.y * ratio;
    canvas.style.width = `${size.x}px`;
    canvas.style.height = `${size.y}px`;
    L.DomUtil.setPosition(canvas, this.map.containerPointToLayerPoint([0, 0]));
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return context;
  }

  /** Returns x, y in px of the canvas. */
  toScreen(x, y) {
    const { origin, scale } = this.view;
    return [origin.x + x * scale, origin.y - y * scale];
  }

  drawOverviews(context) {
    for (const source of this.frame.sources) {
      const known = this.survey.sources.mosaics[source]?.overview;
      const image = known && this.image(source);
      if (!image || !image.complete || image.naturalWidth === 0) continue;
      const [width, height] = known;
      const [left, top] = this.toScreen(...this.toMap(source, 0, 0));
      const [right, rightTop] = this.toScreen(...this.toMap(source, width, 0));
      const [leftBottom, bottom] = this.toScreen(...this.toMap(source, 0, height));
      const [across, down] = [image.naturalWidth, image.naturalHeight];
      context.save();
      context.transform(
        (right - left) / across, (rightTop - top) / across, (leftBottom - left) / down, (bottom - top) / down, left, top,
      );
      context.drawImage(image, 0, 0);
      context.restore();
    }
  }

  image(source) {
    if (!this.images.has(source)) {
      const address = overviewAddress(this.survey, source);
      if (address === null) return null;
      const image = new Image();
      image.onload = () => this.drawSoon();
      image.src = address;
      this.images.set(source, image);
    }
    return this.images.get(source);
  }

  sortByState() {
    this.byState = { crack: [], almost: [], "no-crack": [], blind: [] };
    for (let row = 0; row < this.app.rows.count; row += 1) this.byState[this.app.state(row)].push(row);
  }

  inView(x, y) {
    const { size } = this.view;
    return x > -60 && y > -60 && x < size.x + 60 && y < size.y + 60;
  }

  drawTiles(context, state) {
    context.fillStyle = state === "blind" ? this.hatching(context) : COLOURS[state];
    context.strokeStyle = COLOURS[state];
    context.lineWidth = state === "crack" ? 1.2 : 0.6;
    const isTiny = this.pxPerTile() < TINY_PX;
    for (const row of this.byState[state]) {
      if (Number.isNaN(this.corners[8 * row])) continue;
      context.globalAlpha = OPACITY[state];
      if (isTiny) this.fillTiny(context, row);
      else if (this.tracePath(context, row)) {
        // one by one: a path of 100,000 tiles would take a browser minutes
        context.fill();
        context.globalAlpha = state === "crack" || state === "blind" ? 0.9 : 0.25;
        context.stroke();
      }
    }
    context.globalAlpha = 1;
  }

  /** Fills a tile of a few px as an upright rectangle of whole px: quick, and without gaps. */
  fillTiny(context, row) {
    const at = 8 * row;
    const [x0, y0] = this.toScreen(this.corners[at], this.corners[at + 1]);
    const [x1, y1] = this.toScreen(this.corners[at + 4], this.corners[at + 5]);
    const [left, right] = [Math.round(Math.min(x0, x1)), Math.round(Math.max(x0, x1))];
    const [top, bottom] = [Math.round(Math.min(y0, y1)), Math.round(Math.max(y0, y1))];
    if (this.inView(left, top)) context.fillRect(left, top, Math.max(right - left, 1), Math.max(bottom - top, 1));
  }

  /** Returns how many px a tile is wide on the screen. */
  pxPerTile() {
    const row = this.byState.crack[0] ?? this.byState["no-crack"][0] ?? 0;
    const [x0, y0, , , x2, y2] = this.corners.subarray(8 * row, 8 * row + 6);
    return Number.isNaN(x0) ? 10 : Math.hypot(x2 - x0, y2 - y0) * this.view.scale * 0.7;
  }

  tracePath(context, row) {
    const at = 8 * row;
    const { corners } = this;
    if (Number.isNaN(corners[at])) return false;
    const [x, y] = this.toScreen(corners[at], corners[at + 1]);
    const [right, bottom] = this.toScreen(corners[at + 4], corners[at + 5]);
    if (!this.inView(x, y) && !this.inView(right, bottom) && Math.hypot(right - x, bottom - y) < 60) return false;
    context.beginPath();
    context.moveTo(x, y);
    for (let i = 2; i < 8; i += 2) context.lineTo(...this.toScreen(corners[at + i], corners[at + i + 1]));
    context.closePath();
    return true;
  }

  hatching(context) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
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
    return context.createPattern(tile, "repeat");
  }

  drawLines(context) {
    const { points } = this.survey.lines;
    if (!points || points.length === 0) return;
    context.beginPath();
    for (const state of ["crack", "almost"]) {
      for (const row of this.byState[state]) {
        const source = this.app.rows.source[row];
        if (!this.frame.sources.has(source) || !this.survey.sources.mosaics[source]) continue;
        eachLine(this.survey, row, (first, end) => {
          for (let point = first; point < end; point += 1) {
            const place = this.toMap(source, points[2 * point] / 10, points[2 * point + 1] / 10);
            const [x, y] = this.toScreen(...place);
            if (point === first) context.moveTo(x, y);
            else context.lineTo(x, y);
          }
        });
      }
    }
    context.lineJoin = "round";
    context.strokeStyle = "#ffffff";
    context.lineWidth = 3.5;
    context.stroke();
    context.strokeStyle = "#7a1fa2";
    context.lineWidth = 1.8;
    context.stroke();
  }

  drawPhotos(context, state) {
    for (const row of this.byState[state]) {
      if (Number.isNaN(this.points[2 * row])) continue;
      const [x, y] = this.toScreen(this.points[2 * row], this.points[2 * row + 1]);
      if (this.inView(x, y)) this.drawPhoto(context, row, x, y, state);
    }
  }

  drawPhoto(context, row, x, y, state) {
    const heading = (this.app.rows.heading[row] * Math.PI) / 180;
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
      context.fillStyle = this.hatching(context);
      context.fill();
    }
    context.lineWidth = 1.5;
    context.strokeStyle = state === "blind" ? COLOURS.blind : "#ffffff";
    context.stroke();
  }

  drawSelected() {
    if (!this.view) return;
    const context = this.clear(this.marker);
    const row = this.app.selected;
    if (row < 0) return;
    context.beginPath();
    if (!Number.isNaN(this.points[2 * row])) {
      const [x, y] = this.toScreen(this.points[2 * row], this.points[2 * row + 1]);
      context.arc(x, y, POINT_PX + 5, 0, 2 * Math.PI);
    } else if (!this.tracePath(context, row)) return;
    for (const [colour, width] of [["#ffffff", 5], ["#111111", 2.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.stroke();
    }
  }

  /** Draws a bar of a round length in m (or px). */
  drawScale() {
    const most = 110 / this.view.scale;
    const power = 10 ** Math.floor(Math.log10(most));
    const length = [5, 2, 1].map((digit) => digit * power).find((value) => value <= most);
    const unit = this.frame.origin ? "m" : "px";
    const bar = document.getElementById("scale-bar");
    bar.style.width = `${length * this.view.scale}px`;
    if (unit === "m" && length < 1) bar.textContent = `${+(length * 100).toFixed(2)} cm`;
    else bar.textContent = length >= 1000 && unit === "m" ? `${length / 1000} km` : `${+length.toFixed(2)} ${unit}`;
  }

  /** Selects the row that was clicked: the photo nearest to it, else the tile under it, cracks first. */
  click(event) {
    const { x, y } = event.containerPoint;
    let nearest = -1;
    let distance = CLICK_PX;
    let tile = -1;
    for (const state of ["crack", "almost", "blind", "no-crack"]) {
      for (const row of this.byState[state]) {
        if (!Number.isNaN(this.points[2 * row])) {
          const [px, py] = this.toScreen(this.points[2 * row], this.points[2 * row + 1]);
          const away = Math.hypot(px - x, py - y);
          if (away < distance) [nearest, distance] = [row, away];
        } else if (tile < 0 && this.isInside(row, event.latlng.lng, event.latlng.lat)) tile = row;
      }
    }
    const row = nearest >= 0 ? nearest : tile;
    if (row < 0) return;
    this.app.show(row);
    this.app.tell("open", row);
  }

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

  /** Shows the selected row and what is around it. */
  zoomToSelected() {
    const row = this.app.selected;
    if (row < 0 || !this.map) return;
    const [x, y] = Number.isNaN(this.points[2 * row]) ? this.corners.subarray(8 * row) : this.points.subarray(2 * row);
    if (Number.isNaN(x)) return;
    const [, , , , right, bottom] = this.corners.subarray(8 * row);
    const around = Number.isNaN(right) ? AROUND_M : 6 * Math.hypot(right - x, bottom - y);
    this.map.fitBounds([[y - around, x - around], [y + around, x + around]], { animate: false });
  }

  /** Brings a row into view, if the map can show it. */
  reveal(row) {
    const note = document.getElementById("map-note");
    note.textContent = "";
    if (row >= 0) {
      const source = this.app.rows.source[row];
      const own = this.frames.find((frame) => frame.sources.has(source));
      if (own && own !== this.frame) this.change(own.id);
      const place = Number.isNaN(this.points[2 * row]) ? this.corners.subarray(8 * row) : this.points.subarray(2 * row);
      if (Number.isNaN(place[0])) note.textContent = "The selected row has no position.";
      else if (!this.map.getBounds().pad(-0.01).contains([place[1], place[0]])) {
        this.map.panTo([place[1], place[0]], { animate: false });
      }
    }
    this.drawSelected();
  }
}
