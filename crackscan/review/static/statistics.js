// What the verdicts say about the scan: recall, precision and missed cracks, with their intervals.

import { count, element, plural, replaceChildren } from "./elements.js";

const SOON = 150; // ms after a verdict

/** The sentence above the list; it follows the verdicts and the threshold. */
export class ReviewStatistics {
  constructor(app, desk) {
    this.app = app;
    this.desk = desk;
    this.text = element("p", { id: "review-statistics", role: "status" });
    this.button = element("button", { type: "button", onclick: () => this.openSample() }, "Judge the random sample");
    app.summarySlot.append(element("div", { class: "review-statistics" }, this.text, this.button));
    app.on("desk", () => this.askSoon());
    app.on("threshold", () => this.askSoon());
    app.on("filter", () => this.showButton());
    this.ask();
  }

  openSample() {
    this.app.filter({ queue: "drawn", text: "" });
    if (this.app.order.length) this.app.select(this.app.order[0]);
    if (this.app.rows.verdict[this.app.selected]) this.app.keys.get("j").action();
  }

  showButton() {
    this.button.hidden = this.app.queue === "drawn";
  }

  askSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), SOON);
  }

  async ask() {
    const figures = await this.desk.statistics(this.app.threshold).catch(() => null);
    if (figures) replaceChildren(this.text, ...sentences(figures));
    this.showButton();
  }
}

/** Returns the figures in words: what is known, and what must be judged to know more. */
function sentences(figures) {
  const { seen, rows, drawn, doubtful, recall, precision, missed } = figures;
  const parts = [`${count(seen)} of ${plural(rows, "assessed row")} ${seen === 1 ? "has" : "have"} a verdict`];
  if (doubtful) parts[0] += ` (${count(doubtful)} more are doubtful)`;
  const known = [
    recall[0] === null ? null : `recall here ${figure(recall)}`,
    precision[0] === null ? null : `precision ${figure(precision)}`,
  ].filter((text) => text !== null);
  if (known.length) {
    parts.push(": ", element("b", {}, known.join(", ")));
    if (missed[0] !== null) parts.push(` – about ${count(Math.round(missed[0]))} cracked rows missed [${count(missed[1])}, ${count(missed[2])}]`);
  }
  parts.push(". ");
  if (!known.length || recall[0] === null) {
    parts.push("Recall is known when some rows of the random sample have a verdict: they stand for all that nobody looks at.");
  } else {
    parts.push(`Of these, ${count(drawn)} were drawn at random; intervals are of 95 %.`);
  }
  return parts;
}

function figure([value, low, high]) {
  return `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}
