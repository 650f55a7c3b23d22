// The selected row: its picture with tile outline, crack lines and heat, and what is known about it.

import { windowOf } from "./decode.js";
import { count, element, lengthText, positionText, probabilityText, replaceChildren, svg, widthText } from "./elements.js";
import { stateLabel, verdictBadge } from "./list.js";
import { drawPicture } from "./picture_drawing.js";
import { pictureWindow, shortName, whyNoPicture } from "./pictures.js";

const NEAR_M = 15; // other pictures taken within this distance may show the same spot
const MOST_NEAR = 6;

/** The view of the selected row; it follows the app. */
export class Detail {
  constructor(app) {
    this.app = app;
    this.survey = app.survey;
    this.figure = document.getElementById("picture");
    this.caption = document.getElementById("facts");
    this.shown = { outline: true, lines: true, heat: false, close: false };
    this.clickListeners = [];
    app.on("select", () => this.draw());
    app.on("threshold", () => this.draw());
    app.on("verdict", (row) => row === app.selected && this.draw());
    for (const name of Object.keys(this.shown)) {
      document.getElementById(`show-${name}`).addEventListener("click", () => this.toggle(name));
    }
    this.figure.addEventListener("click", (event) => this.click(event));
    app.addKey("z", "close-up or with surroundings", () => this.toggle("close"));
    app.addKey("h", "heat: how sure each tile is", () => this.toggle("heat"));
    app.addKey("o", "outline of the tile", () => this.toggle("outline"));
    app.addKey("l", "crack lines", () => this.toggle("lines"));
  }

  toggle(name) {
    this.shown[name] = !this.shown[name];
    document.getElementById(`show-${name}`).setAttribute("aria-pressed", String(this.shown[name]));
    this.draw();
    this.app.tell("shown");
  }

  /** Registers a listener that gets row, col and row in px of the source where the picture is clicked. */
  onPictureClick(listener) {
    this.clickListeners.push(listener);
  }

  click(event) {
    const drawing = this.figure.querySelector("svg");
    if (!drawing || this.clickListeners.length === 0) return;
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
    const { x, y, width, height } = drawing.viewBox.baseVal;
    if (place.x < x || place.x > x + width || place.y < y || place.y > y + height) return; // beside the picture
    for (const listener of this.clickListeners) listener(this.app.selected, place.x, place.y);
  }

  draw() {
    const row = this.app.selected;
    if (row < 0) {
      replaceChildren(this.figure, element("p", { class: "no-picture" }, "No row is selected."));
      replaceChildren(this.caption);
      return;
    }
    const drawing = drawPicture(this.app, row, this.shown);
    replaceChildren(this.figure, drawing ?? element("p", { class: "no-picture" }, whyNoPicture(this.survey, row)));
    replaceChildren(this.caption, ...this.facts(row));
    document.getElementById("place-in-list").textContent =
      `${count(this.app.positions[row] + 1)} of ${count(this.app.order.length)}`;
  }

  facts(row) {
    const { rows, survey } = this.app;
    const scale = rows.mm_per_px[row];
    const entries = [
      ["Cracked?", element("span", {}, element("span", { class: `badge ${this.app.state(row)}` }, stateLabel(this.app, row)), " ", verdictBadge(this.app, row)), "wide"],
      ["Probability", Number.isNaN(rows.probability[row]) ? null : probabilityText(rows.probability[row])],
      ["Line length", lengthText(rows.length_px[row], scale)],
      ["Width", widthText(rows.width_px[row], scale)],
      ["Largest width", widthText(rows.max_width_px[row], scale)],
      ["Cracked tiles", this.tilesText(row)],
      ["Window (px)", this.windowText(row)],
      ["Position", positionText(rows.lat[row], rows.lon[row]), "wide"],
      ["Heading", Number.isNaN(rows.heading[row]) ? null : `${Math.round(rows.heading[row])}°`],
      ["Resolution", scale > 0 ? `${scale.toPrecision(3)} mm per px` : null],
      ["Taken", rows.time[row] > 0 ? survey.times[rows.time[row] - 1] : null, "wide"],
      [rows.status[row] === 0 ? "Remark" : "Reason", rows.reason[row] > 0 ? survey.reasons[rows.reason[row] - 1] : null, "wide"],
      ["Same place", this.nearby(row), "wide"],
    ];
    const known = entries.filter(([, value]) => value !== null && value !== "");
    return [
      element("h3", {}, element("bdi", {}, survey.sources.names[rows.source[row]])),
      this.locator(row),
      element("dl", {}, ...known.map(([term, value, width]) => element("div", { class: width }, element("dt", {}, term), element("dd", {}, value)))),
    ];
  }

  windowText(row) {
    const window = windowOf(this.survey, row);
    return window ? `${count(window.col)}, ${count(window.row)}; ${window.width} × ${window.height}` : null;
  }

  /** Returns how many tiles of a photo are cracked; null at another threshold than that by which they were counted. */
  tilesText(row) {
    const { tiles, crack_tiles: cracked } = this.app.rows;
    if (!(tiles[row] > 0) || this.app.threshold !== this.survey.run.threshold) return null;
    const few = cracked[row] > 0 && !this.app.isCrack(row) ? ": too few that touch" : "";
    return `${count(cracked[row])} of ${count(tiles[row])}${few}`;
  }

  /** Returns a small drawing of the whole source with the window in it. */
  locator(row) {
    const window = windowOf(this.survey, row);
    const size = pictureWindow(this.survey, row)?.sourceSize;
    if (!window || !size || window.width >= size[0]) return null;
    const side = Math.max(...size);
    const dot = Math.max(window.width, side / 16);
    return svg(
      "svg",
      { class: "locator", viewBox: `0 0 ${size[0]} ${size[1]}`, role: "img", "aria-label": "Place of the tile in the whole picture" },
      svg("rect", { width: size[0], height: size[1], class: "locator-whole" }),
      svg("rect", {
        x: Math.min(window.col, size[0] - dot),
        y: Math.min(window.row, size[1] - dot),
        width: dot,
        height: dot,
        class: "locator-window",
      }),
    );
  }

  /** Returns buttons for the surest rows of other sources whose positions are near, or null. */
  nearby(row) {
    const { lon, lat, source, cracked_up_to: upTo } = this.app.rows;
    if (Number.isNaN(lon[row])) return null;
    const perLat = 110_540;
    const perLon = 111_320 * Math.cos((lat[row] * Math.PI) / 180);
    const best = new Map(); // of each source
    for (let other = 0; other < lon.length; other += 1) {
      const north = (lat[other] - lat[row]) * perLat;
      if (!(Math.abs(north) <= NEAR_M) || source[other] === source[row]) continue;
      if (Math.hypot(north, (lon[other] - lon[row]) * perLon) > NEAR_M) continue;
      const known = best.get(source[other]);
      if (known === undefined || upTo[other] > upTo[known]) best.set(source[other], other);
    }
    if (best.size === 0) return null;
    const found = [...best.values()].sort((one, other) => (upTo[other] || 0) - (upTo[one] || 0)).slice(0, MOST_NEAR);
    return element(
      "span",
      { class: "near" },
      ...found.map((other) =>
        element(
          "button",
          { type: "button", onclick: () => this.app.show(other), title: "a picture taken near by" },
          element("bdi", {}, shortName(this.survey, source[other])),
          ` ${probabilityText(this.app.rows.probability[other])}`,
        ),
      ),
    );
  }
}
