// The list of rows: only those in view are elements, so that 100,000 rows cost no more than ten.

import { count, element, lengthText, plural, probabilityText, replaceChildren, widthText } from "./elements.js";
import { pictureAddress, shortName } from "./pictures.js";

const ITEM_PX = 76; // height of an item, as in style.css
const SPARE = 4; // items above and below those in view
const STATE_LABELS = { crack: "Crack", almost: "Almost", "no-crack": "No crack", blind: "Not assessed" };
const VERDICTS = ["", "● crack", "○ no crack", "? unsure", "≠ disagreement"];
const REASONS = {
  nodata: "no data",
  too_coarse: "too coarse",
  unfamiliar: "unfamiliar surface",
  unreadable: "unreadable",
};

/** Returns the word for a row's state, with the reason where it was not assessed. */
export function stateLabel(app, row) {
  const state = app.state(row);
  if (state !== "blind") return STATE_LABELS[state];
  const status = ["ok", "nodata", "too_coarse", "unfamiliar", "unreadable"][app.rows.status[row]];
  return `${STATE_LABELS.blind}: ${REASONS[status]}`;
}

/** Returns what a person said of a row as a badge, or null. */
export function verdictBadge(app, row) {
  const verdict = app.rows.verdict[row];
  return verdict ? element("span", { class: "badge verdict" }, VERDICTS[verdict]) : null;
}

/** The list; it follows the app. */
export class List {
  constructor(app) {
    this.app = app;
    this.box = document.getElementById("list");
    this.inside = document.getElementById("list-inside");
    this.items = new Map();
    this.box.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.box);
    this.box.addEventListener("click", (event) => this.click(event));
    this.box.addEventListener("keydown", (event) => this.jump(event));
    app.on("filter", () => this.reset());
    app.on("select", (row) => this.reveal(row));
    app.on("select", (row) => this.announce(row));
    app.on("verdict", (row) => this.redraw(row));
  }

  reset() {
    this.inside.style.height = `${this.app.order.length * ITEM_PX}px`;
    this.items.clear();
    this.inside.replaceChildren();
    document.getElementById("list-count").textContent = plural(this.app.order.length, "row");
    document.getElementById("list-empty").hidden = this.app.order.length > 0;
    this.draw();
  }

  draw() {
    const { order } = this.app;
    const first = Math.max(Math.floor(this.box.scrollTop / ITEM_PX) - SPARE, 0);
    const last = Math.min(Math.ceil((this.box.scrollTop + this.box.clientHeight) / ITEM_PX) + SPARE, order.length);
    for (const [place, item] of this.items) {
      if (place < first || place >= last) {
        item.remove();
        this.items.delete(place);
      }
    }
    for (let place = first; place < last; place += 1) {
      if (!this.items.has(place)) {
        const item = this.item(order[place], place);
        this.items.set(place, item);
        this.inside.append(item);
      }
    }
    this.mark();
  }

  item(row, place) {
    const { app } = this;
    const state = app.state(row);
    const item = element(
      "div",
      {
        class: `item ${state}`,
        role: "option",
        id: `item-${row}`,
        "data-row": row,
        "aria-posinset": place + 1,
        "aria-setsize": app.order.length,
      },
      this.thumbnail(row, state),
      element(
        "span",
        { class: "item-text" },
        element("bdi", { class: "item-name", title: this.name(row) }, this.name(row)),
        element("span", { class: "item-facts", title: this.facts(row) }, this.facts(row)),
        element(
          "span",
          { class: "item-state" },
          element("span", { class: `badge ${state}` }, stateLabel(app, row)),
          state === "blind" ? null : element("b", {}, probabilityText(app.rows.probability[row])),
          verdictBadge(app, row),
        ),
      ),
    );
    item.style.top = `${place * ITEM_PX}px`;
    return item;
  }

  thumbnail(row, state) {
    const address = pictureAddress(this.app.survey, row);
    if (address === null) return element("span", { class: `thumbnail ${state}` });
    return element("img", { class: "thumbnail", src: address, alt: "", decoding: "async", draggable: "false" });
  }

  name(row) {
    return shortName(this.app.survey, this.app.rows.source[row]);
  }

  facts(row) {
    const { rows } = this.app;
    const length = lengthText(rows.length_px[row], rows.mm_per_px[row]);
    const width = widthText(rows.max_width_px[row], rows.mm_per_px[row]);
    const size = [length && `${length} long`, width && `up to ${width} wide`].filter(Boolean).join(", ");
    const place = rows.width[row] > 0 ? `at ${count(rows.col[row])}, ${count(rows.row[row])}` : "";
    return [size, place].filter(Boolean).join(" · ");
  }

  click(event) {
    const item = event.target.closest(".item");
    if (!item) return;
    this.app.select(Number(item.dataset.row));
    this.app.tell("open", this.app.selected);
  }

  /** Goes to the first or the last row, or on by as many as are in view, where the list has the focus. */
  jump(event) {
    const page = Math.max(Math.floor(this.box.clientHeight / ITEM_PX) - 1, 1);
    const step = { Home: -Infinity, End: Infinity, PageUp: -page, PageDown: page }[event.key];
    if (step === undefined || this.app.selected < 0) return;
    event.preventDefault();
    this.app.step(step);
  }

  /** Tells who does not see the page which row is selected; the list itself does so where it has the focus. */
  announce(row) {
    if (row < 0 || document.activeElement === this.box) return;
    const { app } = this;
    const probability = app.state(row) === "blind" ? "" : ` ${probabilityText(app.rows.probability[row])}`;
    app.announce(`${app.positions[row] + 1} of ${app.order.length}: ${stateLabel(app, row)}${probability}, ${this.name(row)}, ${this.facts(row)}`);
  }

  reveal(row) {
    const place = row < 0 ? -1 : this.app.positions[row];
    if (place >= 0) {
      const top = place * ITEM_PX;
      const bottom = top + ITEM_PX - this.box.clientHeight;
      if (this.box.scrollTop > top) this.box.scrollTop = top;
      else if (this.box.scrollTop < bottom) this.box.scrollTop = bottom;
    }
    this.draw();
  }

  mark() {
    for (const item of this.items.values()) {
      item.setAttribute("aria-selected", String(Number(item.dataset.row) === this.app.selected));
    }
    const { selected, positions } = this.app;
    if (selected >= 0 && this.items.has(positions[selected])) {
      this.box.setAttribute("aria-activedescendant", `item-${selected}`);
    } else {
      this.box.removeAttribute("aria-activedescendant");
    }
  }

  redraw(row) {
    const place = this.app.positions[row];
    const old = this.items.get(place);
    if (!old) return;
    const item = this.item(row, place);
    old.replaceWith(item);
    this.items.set(place, item);
    this.mark();
  }

  /** Draws the items in view again, when pictures have been loaded. */
  redrawAll() {
    for (const item of this.items.values()) item.remove();
    this.items.clear();
    this.draw();
  }
}
