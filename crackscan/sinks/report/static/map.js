// The map: Leaflet moves it, drawings fill it, a click selects a row, and it follows the selected row.

import { plural } from "./elements.js";
import { MapDrawing } from "./map_drawing.js";
import { findFrames } from "./map_frames.js";
import { Places } from "./map_places.js";
import { overviewAddress } from "./pictures.js";

const AROUND_M = 25; // around a photo that the map is centred on
const CLICK_PX = 14;
const PRINT_PX = 700; // width of the printed map, and at most 0.62 of it its height
const SCALE_PX = 110; // width of the scale bar, at most
const ZOOM = { crs: L.CRS.Simple, minZoom: -16, maxZoom: 12, zoomSnap: 0.25, zoomAnimation: false, attributionControl: false };

/** Returns the largest round length that is not longer: 1, 2 or 5 times a power of ten. */
function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((digit) => digit * power).find((value) => value <= most);
}

/** Returns a canvas with the pixels of another one: printed as shapes, its hatching would have seams. */
function asPicture(canvas) {
  const picture = document.createElement("canvas");
  [picture.width, picture.height] = [canvas.width, canvas.height];
  picture.getContext("2d").drawImage(canvas, 0, 0);
  return picture;
}

/** The map; it follows the app. */
export class SurveyMap {
  constructor(app) {
    this.app = app;
    this.survey = app.survey;
    this.frames = findFrames(app.survey);
    if (this.frames.length === 0) {
      document.body.classList.add("without-map");
      return;
    }
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
    this.setFrame(this.frames[0]);
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

  setFrame(frame) {
    this.frame = frame;
    this.places = new Places(this.survey, frame);
    this.fit();
  }

  change(id) {
    document.getElementById("frame").value = id;
    this.setFrame(this.frames.find((frame) => frame.id === id));
    this.draw();
  }

  fit() {
    const bounds = this.places.bounds();
    if (bounds) this.map.fitBounds(bounds, { animate: false });
  }

  sortByState() {
    this.byState = { crack: [], almost: [], "no-crack": [], blind: [] };
    for (let row = 0; row < this.app.rows.count; row += 1) this.byState[this.app.state(row)].push(row);
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
    this.drawingOn(this.canvas).drawAll();
    this.drawSelected();
    this.drawScale();
  }

  drawSelected() {
    if (!this.view) return;
    const drawing = this.drawingOn(this.marker);
    if (this.app.selected >= 0) drawing.drawSelected(this.app.selected);
  }

  /** Empties a canvas, lays it over the view, and returns a drawing on it. */
  drawingOn(canvas) {
    const { size } = this.view;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = size.x * ratio;
    canvas.height = size.y * ratio;
    canvas.style.width = `${size.x}px`;
    canvas.style.height = `${size.y}px`;
    L.DomUtil.setPosition(canvas, this.map.containerPointToLayerPoint([0, 0]));
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return new MapDrawing(this, context, this.view);
  }

  /** Returns the whole frame as a canvas of its own, to be printed; null where there is nothing to show. */
  printed() {
    const bounds = this.map && this.places.bounds();
    if (!bounds) return null;
    const [[south, west], [north, east]] = bounds;
    const [across, down] = [east - west, north - south];
    const scale = Math.min(PRINT_PX / across, (0.62 * PRINT_PX) / down);
    const size = { x: Math.ceil(across * scale), y: Math.ceil(down * scale) };
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * size.x, 2 * size.y];
    const context = canvas.getContext("2d");
    context.scale(2, 2);
    const drawing = new MapDrawing(this, context, { origin: { x: -west * scale, y: north * scale }, scale, size });
    drawing.drawAll();
    const length = roundLength(SCALE_PX / scale);
    drawing.drawBar(length * scale, this.lengthText(length));
    return asPicture(canvas);
  }

  /** Returns the overview of a mosaic, which may still be loading, or null. */
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

  /** Draws a bar of a round length in m (or px). */
  drawScale() {
    const bar = document.getElementById("scale-bar");
    const length = roundLength(SCALE_PX / this.view.scale);
    bar.style.width = `${length * this.view.scale}px`;
    bar.textContent = this.lengthText(length);
  }

  lengthText(length) {
    if (!this.frame.origin) return `${+length.toFixed(2)} px`;
    if (length < 1) return `${+(length * 100).toFixed(2)} cm`;
    return length >= 1000 ? `${length / 1000} km` : `${+length.toFixed(2)} m`;
  }

  /** Returns what a person must know of the printed map. */
  words() {
    const others = this.frames.length - 1;
    return [
      this.frames.length > 1 ? `Map: ${this.frame.label}.` : null,
      this.frame.origin ? "North is up." : null,
      others ? `${plural(others, "more map")} ${others === 1 ? "is" : "are"} not printed.` : null,
    ].filter(Boolean).join(" ");
  }

  /** Selects the row that was clicked. */
  click(event) {
    const row = this.rowAt(event.containerPoint, event.latlng);
    if (row < 0) return;
    this.app.show(row);
    this.app.tell("open", row);
  }

  /** Returns the photo nearest to a point of the screen, else the tile under it, cracks first; -1: none. */
  rowAt({ x, y }, { lng, lat }) {
    const drawing = new MapDrawing(this, null, this.view);
    let nearest = -1;
    let distance = CLICK_PX;
    let tile = -1;
    for (const state of ["crack", "almost", "blind", "no-crack"]) {
      for (const row of this.byState[state]) {
        if (this.places.hasPoint(row)) {
          const [px, py] = drawing.pointOnScreen(row);
          const away = Math.hypot(px - x, py - y);
          if (away < distance) [nearest, distance] = [row, away];
        } else if (tile < 0 && this.places.isInside(row, lng, lat)) tile = row;
      }
    }
    return nearest >= 0 ? nearest : tile;
  }

  /** Shows the selected row and what is around it. */
  zoomToSelected() {
    const row = this.app.selected;
    const place = row >= 0 && this.map ? this.places.anchor(row) : null;
    if (!place) return;
    const [x, y] = place;
    const [, , , , right, bottom] = this.places.corners.subarray(8 * row, 8 * row + 6);
    const around = this.places.hasCorners(row) ? 6 * Math.hypot(right - x, bottom - y) : AROUND_M;
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
      const place = this.places.anchor(row);
      if (!place) note.textContent = "The selected row has no position.";
      else if (!this.map.getBounds().pad(-0.01).contains([place[1], place[0]])) {
        this.map.panTo([place[1], place[0]], { animate: false });
      }
    }
    this.drawSelected();
  }
}
