// The summary: live counts for the threshold, and what the model's tests let one expect of them.

import { count, percent, plural, probabilityText } from "./elements.js";

const STEPS = 100; // of the histogram, from 0 to 1

/** Returns a figure of the card's thresholds at any threshold, interpolated; null where it is not known. */
function figureAt(figures, column, threshold) {
  const known = (figures ?? []).filter((figure) => figure[column] !== null);
  if (known.length === 0 || threshold < known[0][0] || threshold > known[known.length - 1][0]) return null;
  const next = known.findIndex((figure) => figure[0] >= threshold);
  const [high, low] = [known[next], known[Math.max(next - 1, 0)]];
  const part = high[0] === low[0] ? 0 : (threshold - low[0]) / (high[0] - low[0]);
  return low[column] + part * (high[column] - low[column]);
}

/** Returns "about 12", or "fewer than 1". */
function about(number) {
  return number === 0 ? "fewer than 1" : `about ${count(number)}`;
}

/** The slider with its counts; it follows the app. */
export class Summary {
  constructor(app) {
    this.app = app;
    this.survey = app.survey;
    this.slider = document.getElementById("threshold");
    this.slider.value = String(this.survey.run.threshold);
    this.slider.addEventListener("input", () => app.setThreshold(Number(this.slider.value)));
    document.getElementById("threshold-reset").addEventListener("click", () => this.reset());
    app.on("threshold", () => this.draw());
    this.draw();
  }

  reset() {
    this.slider.value = String(this.survey.run.threshold);
    this.app.setThreshold(this.survey.run.threshold);
  }

  /** Returns how many rows of the whole survey are cracked at the app's threshold. */
  cracked() {
    const { threshold, survey } = this.app;
    if (threshold === survey.run.threshold) return survey.summary.cracked;
    return survey.histogram[Math.round(threshold * STEPS)];
  }

  /** Returns how many of the rows that are tiles are cracked at the app's threshold. */
  crackedTiles() {
    return this.survey.tile_histogram[Math.round(this.app.threshold * STEPS)];
  }

  draw() {
    const { summary } = this.survey;
    const [cracked, assessed] = [this.cracked(), summary.statuses.ok ?? 0];
    const blind = summary.rows - assessed;
    const isOwn = this.app.threshold === this.survey.run.threshold;
    document.getElementById("threshold-value").textContent = probabilityText(this.app.threshold).replace(/0$/, "");
    document.getElementById("threshold-reset").disabled = isOwn;
    for (const [name, number] of [["cracked", cracked], ["uncracked", assessed - cracked], ["blind", blind]]) {
      document.getElementById(`number-${name}`).textContent = count(number);
      document.getElementById(`share-${name}`).textContent = percent(number, summary.rows);
      document.getElementById(`bar-${name}`).style.flexGrow = String(number);
    }
    document.querySelector(".bar").setAttribute(
      "aria-label",
      `Of ${plural(summary.rows, "row")} ${percent(cracked, summary.rows)} are cracked, ${percent(blind, summary.rows)} could not be assessed`,
    );
    document.getElementById("expected").textContent = this.expectation();
  }

  /** Returns in words how many false alarms and misses to expect among tiles, from the card. */
  expectation() {
    const { figures, summary } = this.survey;
    const tiles = summary.tile_rows;
    if (!figures) return "The journal does not say how good the model was in tests, so no errors are estimated.";
    const rest = "A photo is called cracked by all its tiles together: its errors are not estimated.";
    if (!tiles) return rest;
    const cracked = this.crackedTiles();
    if (!cracked) return "No tile is called cracked: how many cracks were missed cannot be told from that." + (summary.kinds.photo ? ` ${rest}` : "");
    const recall = figureAt(figures, 1, this.app.threshold);
    const rate = figureAt(figures, 2, this.app.threshold);
    if (recall === null || rate === null) return "The model's card has no figures for this threshold.";
    const alarms = Math.min(Math.round((rate / 1000) * tiles), cracked);
    const missed = recall > 0 ? Math.round(((cracked - alarms) * (1 - recall)) / recall) : null;
    return (
      `If these structures are like those of the model's training, expect ${about(alarms)} false ${alarms > 1 ? "alarms" : "alarm"} ` +
      `among the ${plural(cracked, "cracked tile")}` +
      (missed === null ? "." : `, and ${about(missed)} missed.`) +
      (summary.kinds.photo ? ` ${rest}` : "")
    );
  }
}
