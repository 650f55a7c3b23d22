// The whole photo or mosaic of the selected row, at full resolution: it is read in tiles where a person looks.

import { COLOURS } from "./map_drawing.js";
import { element } from "./elements.js";
import { windowOf } from "./decode.js";

const REGION_PX = 512; // as in pictures.py
const MOST_OUTLINES = 3000;
const CLOSER = 3; // zooms beyond the own resolution

/** A dialog with the whole source; key v opens it. A crack that nothing called is marked there by a click. */
export class SourceViewer {
  constructor(app, desk, panel) {
    this.app = app;
    this.desk = desk;
    this.panel = panel;
    this.isMarking = false;
    this.marker = element("button", { type: "button", "aria-pressed": "false", onclick: () => this.setMarking(!this.isMarking) }, element("kbd", {}, "m"), " Missed here");
    this.heater = element("button", { type: "button", "aria-pressed": "false", onclick: () => this.toggleHeat() }, element("kbd", {}, "h"), " Heat");
    this.sight = element("div", { class: "viewer-sight", tabindex: "0", role: "application", "aria-label": "Whole picture: arrow keys move it, + and − zoom" });
    this.name = element("bdi", {});
    this.dialog = element(
      "dialog",
      { class: "viewer", "aria-label": "Whole picture" },
      element("div", { class: "toolbar" }, this.name, element("span", { class: "gap" }), this.heater, this.marker, element("button", { type: "button", onclick: () => this.dialog.close() }, "Close")),
      this.sight,
    );
    this.dialog.addEventListener("close", () => this.clear());
    this.dialog.addEventListener("keydown", (event) => this.act(event));
    document.body.append(this.dialog);
    app.addKey("v", "view the whole photo or mosaic", () => this.open());
    const button = element("button", { type: "button", onclick: () => this.open() }, "Whole picture");
    document.getElementById("show-close").after(button);
  }

  open() {
    const row = this.app.selected;
    if (row < 0) return;
    const { survey, rows } = this.app;
    const source = rows.source[row];
    const [width, height] = survey.sources.sizes[source];
    if (!(width > 0)) return;
    this.name.textContent = survey.sources.names[source];
    this.dialog.showModal();
    const zooms = Math.max(0, Math.ceil(Math.log2(Math.max(width, height) / REGION_PX)));
    const scale = 1 / 2 ** zooms; // at zoom 0 the whole source is one tile; rows count downwards
    const crs = L.extend({}, L.CRS.Simple, { transformation: new L.Transformation(scale, 0, scale, 0) });
    const bounds = L.latLngBounds([0, 0], [height, width]);
    this.map = L.map(this.sight, { crs, maxZoom: zooms + CLOSER, minZoom: 0, zoomSnap: 0.25, attributionControl: false, zoomAnimation: false });
    const address = survey.served.region.replace("{source}", String(source));
    L.tileLayer(address, { tileSize: REGION_PX, noWrap: true, bounds, maxNativeZoom: zooms, maxZoom: zooms + CLOSER }).addTo(this.map);
    this.outline(source, row);
    this.map.on("click", (event) => this.isMarking && this.mark(row, event.latlng));
    this.sight.focus();
    const window = windowOf(survey, row);
    if (window) this.map.fitBounds(corners(window), { maxZoom: zooms, padding: [80, 80] });
    else this.map.fitBounds(bounds);
  }

  act(event) {
    if (event.key === "m") this.setMarking(!this.isMarking);
    else if (event.key === "h") this.toggleHeat();
    else if (event.key === "Enter" && this.isMarking && event.target === this.sight) this.mark(this.app.selected, this.map.getCenter());
  }

  /** Shows how sure each tile is, or hides it; without an answer of the server nothing is shown. */
  async toggleHeat() {
    const { map } = this;
    const isShown = Boolean(this.heat);
    this.heat?.remove();
    this.heat = undefined;
    this.heater.setAttribute("aria-pressed", String(!isShown));
    if (isShown) return;
    const tiles = await this.tiles(this.app.selected);
    if (this.map !== map || this.heater.getAttribute("aria-pressed") !== "true" || this.heat) return;
    const { renderer } = this;
    this.heat = L.layerGroup(
      tiles.map(([col, row, width, height, probability]) =>
        L.rectangle(corners({ col, row, width, height }), { renderer, color: "#ffffff", weight: 0.5, fillColor: "#d9480f", fillOpacity: 0.6 * probability, interactive: false }),
      ),
    ).addTo(map);
    this.heat.eachLayer((tile) => tile.bringToBack());
  }

  /** Returns col, row, width, height and probability of the judged tiles of a row's source. */
  async tiles(row) {
    const { rows, survey } = this.app;
    const { tiles } = await this.desk.tiles(row).catch(() => ({ tiles: [] }));
    if (tiles.length) return tiles;
    const source = rows.source[row];
    const found = [];
    for (let other = survey.firstOfSource[source]; other < survey.firstOfSource[source + 1]; other += 1) {
      const window = windowOf(survey, other);
      if (window && !Number.isNaN(rows.probability[other])) found.push([...Object.values(window), rows.probability[other]]);
    }
    return found;
  }

  /** Draws the windows of cracked rows, and that of the selected row. */
  outline(source, selected) {
    const { app } = this;
    const renderer = L.canvas();
    this.renderer = renderer; // one for all: a second canvas above it would take its clicks
    const draw = (row, weight) => {
      const window = windowOf(app.survey, row);
      if (window) {
        L.rectangle(corners(window), { renderer, color: COLOURS[app.state(row)], weight, fill: false })
          .on("click", () => this.isMarking || this.choose(row))
          .addTo(this.map);
      }
    };
    let drawn = 0;
    for (let row = app.survey.firstOfSource[source]; row < app.survey.firstOfSource[source + 1]; row += 1) {
      if (drawn < MOST_OUTLINES && app.isCrack(row) && row !== selected) {
        draw(row, 1.5);
        drawn += 1;
      }
    }
    draw(selected, 3);
  }

  setMarking(isMarking) {
    this.isMarking = isMarking;
    this.marker.setAttribute("aria-pressed", String(isMarking));
    this.sight.classList.toggle("marking", isMarking);
    if (isMarking) this.sight.focus(); // Enter marks the middle
  }

  async mark(row, { lng: col, lat: line }) {
    this.setMarking(false);
    await this.panel.mark(row, col, line);
    this.map?.addLayer(L.circleMarker([line, col], { radius: 9, color: "#7a1fa2", fill: false, weight: 3 }));
  }

  choose(row) {
    this.dialog.close();
    this.app.show(row);
  }

  clear() {
    this.setMarking(false);
    this.map?.remove();
    this.map = this.heat = undefined;
    this.heater.setAttribute("aria-pressed", "false");
  }
}

function corners(window) {
  return [
    [window.row, window.col],
    [window.row + window.height, window.col + window.width],
  ];
}
