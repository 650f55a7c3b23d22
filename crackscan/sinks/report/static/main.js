// Starts the page: joins the parts, and the keys.

import { App, startAll } from "./app.js";
import { readSurvey } from "./decode.js";
import { Detail } from "./detail.js";
import { element, replaceChildren } from "./elements.js";
import { List } from "./list.js";
import { SurveyMap } from "./map.js";
import { Printing } from "./printing.js";
import { Summary } from "./summary.js";

const KEY_NAMES = { ArrowRight: "→", ArrowLeft: "←", ArrowDown: "↓", ArrowUp: "↑", " ": "space" };

function addMoves(app) {
  for (const key of ["ArrowRight", "ArrowDown"]) app.addKey(key, "next", () => app.step(1));
  for (const key of ["ArrowLeft", "ArrowUp"]) app.addKey(key, "back", () => app.step(-1));
  app.addKey("c", "centre the map on the row", () => app.map.zoomToSelected());
  app.addKey("/", "find a file", () => document.getElementById("find").focus());
  document.getElementById("next").addEventListener("click", () => app.step(1));
  document.getElementById("back").addEventListener("click", () => app.step(-1));
}

/** Acts on keys, unless they are meant for the element that has the focus. */
function listenToKeys(app) {
  document.addEventListener("keydown", (event) => {
    const isMove = event.key.startsWith("Arrow");
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog")) return;
    if (isMove && event.target.closest("#map")) return;
    const known = app.keys.get(event.key);
    if (!known) return;
    event.preventDefault();
    known.action();
  });
}

function fillQueues(app) {
  const choice = document.getElementById("queue");
  const options = [...app.queues.values()].map((queue) => new Option(queue.label, queue.id));
  replaceChildren(choice, ...options);
  choice.value = app.queue;
}

function listenToFilters(app) {
  const [queue, sorting, find] = ["queue", "sorting", "find"].map((id) => document.getElementById(id));
  fillQueues(app);
  app.on("queues", () => fillQueues(app));
  queue.addEventListener("change", () => app.filter({ queue: queue.value }));
  sorting.addEventListener("change", () => app.filter({ sorting: sorting.value }));
  find.addEventListener("input", () => app.filter({ text: find.value }));
  find.addEventListener("keydown", (event) => event.key === "Escape" && find.blur());
  app.on("filter", () => {
    queue.value = app.queue;
    sorting.disabled = Boolean(app.queues.get(app.queue).order); // it has an order of its own
    if (find.value !== app.text) find.value = app.text;
  });
}

/** Returns the keys that do the same. */
function keysOf(app, label) {
  return [...app.keys].filter(([, known]) => known.label === label).map(([key]) => key);
}

function showKeys(app) {
  const dialog = document.getElementById("keys");
  document.getElementById("show-keys").addEventListener("click", () => {
    const labels = new Set([...app.keys.values()].map(({ label }) => label));
    const entries = [...labels].map((label) => [
      element("dt", {}, ...keysOf(app, label).map((key) => element("kbd", {}, KEY_NAMES[key] ?? key))),
      element("dd", {}, label),
    ]);
    replaceChildren(dialog.querySelector("dl"), ...entries.flat());
    dialog.showModal();
  });
}

/** On a narrow screen one part is shown at a time: buttons choose it, and opening a row shows its picture. */
function chooseViews(app) {
  const buttons = document.querySelectorAll("#views button");
  const show = (view) => {
    document.body.dataset.view = view;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.value === view));
  };
  const bar = document.getElementById("views");
  const choose = (view) => {
    show(view);
    if (bar.offsetParent !== null) bar.scrollIntoView();
  };
  for (const button of buttons) button.addEventListener("click", () => choose(button.value));
  app.on("open", () => choose("detail"));
}

/** Returns the app, with all its parts drawn. */
function start() {
  const app = new App(readSurvey());
  addMoves(app);
  listenToFilters(app);
  showKeys(app);
  chooseViews(app);
  app.summary = new Summary(app);
  app.list = new List(app);
  app.detail = new Detail(app);
  app.map = new SurveyMap(app);
  app.printing = new Printing(app);
  app.detailSlot = document.getElementById("detail-slot");
  app.summarySlot = document.getElementById("summary-slot");
  app.refresh();
  listenToKeys(app);
  document.addEventListener("DOMContentLoaded", () => {
    // pictures stand at the end of the file, so the page is drawn before they have been loaded
    app.list.redrawAll();
    app.detail.draw();
    if (document.querySelector("[id^=overview-]") !== null) app.map.drawSoon();
    app.printing.prepareSoon();
    document.body.dataset.loaded = "yes";
  });
  return app;
}

const app = start();
startAll(app);
performance.mark("page drawn");
