// The whole photo or mosaic of the selected row, at full resolution: it is read in tiles where a person looks.

import { COLOURS } from "./map_drawing.js";
import { element } from "./elements.js";
import { windowOf } from "./decode.js";

const REGION_PX = 512; // as in pictures.py
const MOST_OUTLINES = 3000;
const CLOSER = 3; // zooms beyond the own resolution

/** A dialog with the whole source; key v opens it. A crack that nothing called is marked there by a click. */
export class SourceViewer {
  constructor(app, panel) {
    this.app = app;
    this.panel = panel;
    this.isMarking = false;
    this.marker = element("button", { type: "button", "aria-pressed": "false", onclick: () => this.setMarking(!this.isMarking) }, element("kbd", {}, "m"), " Missed here");
    this.sight = element("div", { class: "viewer-sight", tabindex: "0" });
    this.name = element("bdi", {});
    this.dialog = element(
      "dialog",
      { class: "viewer", "aria-label": "Whole picture" },
      element("div", { class: "toolbar" }, this.name, element("span", { class: "gap" }), this.marker, element("button", { type: "button", onclick: () => this.dialog.close() }, "Close")),
      this.sight,
    );
    this.dialog.addEventListener("close", () => this.clear());
    this.dialog.addEventListener("keydown", (event) => event.key === "m" && this.setMarking(!this.isMarking));
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
    const window = windowOf(survey, row);
    if (window) this.map.fitBounds(corners(window), { maxZoom: zooms, padding: [80, 80] });
    else this.map.fitBounds(bounds);
  }

  /** Draws the windows of cracked rows, and that of the selected row. */
  outline(source, selected) {
    const { app } = this;
    const renderer = L.canvas();
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
    this.map = undefined;
  }
}

function corners(window) {
  return [
    [window.row, window.col],
    [window.row + window.height, window.col + window.width],
  ];
}
