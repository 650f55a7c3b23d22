// The pictures that are printed: the first of the list, as it is filtered and sorted now.

import { count, element, lengthText, plural, positionText, probabilityText, replaceChildren, widthText } from "./elements.js";
import { stateLabel, verdictBadge } from "./list.js";
import { drawPicture } from "./picture_drawing.js";
import { shortName } from "./pictures.js";

const MOST_PRINTED = 60;
const IDLE_MS = 400; // after the last change of the list
const SHOWN = { outline: true, lines: true, heat: false, close: false };

/** The printed part of the page; it follows the app. */
export class Printing {
  constructor(app) {
    this.app = app;
    this.box = document.getElementById("printed");
    app.on("filter", () => this.prepareSoon());
    window.addEventListener("beforeprint", () => {
      this.printing = true;
      this.prepare();
    });
    window.addEventListener("afterprint", () => {
      this.printing = false;
    });
    document.getElementById("print").addEventListener("click", () => window.print());
  }

  prepareSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.prepare(), IDLE_MS);
  }

  /** Draws the pictures ahead of printing, as a browser prints only what it has loaded; the map when it prints. */
  prepare() {
    const map = this.printing ? this.app.map.printed() : null; // also if the list changes while it prints
    const drawn = [];
    for (const row of this.app.order) {
      if (drawn.length === MOST_PRINTED) break;
      const figure = this.figure(row);
      if (figure) drawn.push(figure);
    }
    const rest = this.app.order.length - drawn.length;
    const queue = this.app.queues.get(this.app.queue).label;
    replaceChildren(
      this.box,
      map,
      map && element("p", { class: "printed-map" }, this.app.map.words()),
      element("h2", {}, `${queue} (threshold ${probabilityText(this.app.threshold).replace(/0$/, "")})`),
      element("div", { class: "printed-pictures" }, ...drawn),
      rest > 0 ? element("p", {}, `${plural(rest, "more row")} of this list ${rest === 1 ? "is" : "are"} not printed.`) : null,
    );
  }

  figure(row) {
    const drawing = drawPicture(this.app, row, SHOWN);
    if (drawing === null) return null;
    const { rows, survey } = this.app;
    const scale = rows.mm_per_px[row];
    const length = lengthText(rows.length_px[row], scale);
    const width = widthText(rows.max_width_px[row], scale);
    const facts = [
      `${stateLabel(this.app, row)} ${probabilityText(rows.probability[row])}`,
      `at ${count(rows.col[row])}, ${count(rows.row[row])}`,
      length && `${length} long`,
      width && `up to ${width} wide`,
      positionText(rows.lat[row], rows.lon[row]),
    ];
    return element(
      "figure",
      {},
      drawing,
      element("figcaption", {}, element("bdi", {}, shortName(survey, rows.source[row])), element("br"), ...facts.filter(Boolean).flatMap((fact, place) => [place ? " · " : null, element("span", {}, fact)]), " ", verdictBadge(this.app, row)),
    );
  }
}
