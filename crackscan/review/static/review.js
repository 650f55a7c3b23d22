// Starts the parts of the page that only a review has.

import { ReviewDesk } from "./desk.js";
import { ReviewStatistics } from "./statistics.js";
import { SourceViewer } from "./viewer.js";
import { VerdictPanel } from "./verdicts.js";
import { addReviewQueues } from "./queues.js";
import { followHeat } from "./heat.js";
import { count, element, plural } from "./elements.js";
import { onStart } from "./app.js";

const AHEAD = 3; // pictures that are asked for before they are shown

/** Asks for the pictures of the next rows, so that they are there when they are shown. */
function fetchAhead(app) {
  app.on("select", (row) => {
    const place = row < 0 ? -1 : app.positions[row];
    if (place < 0) return;
    for (const next of app.order.slice(place + 1, place + 1 + AHEAD)) {
      if (app.rows.width[next] > 0) new Image().src = app.survey.served.picture.replace("{row}", next);
    }
  });
}

/** Says what the reviewer should know of the saved verdicts. */
function tellState(app, state) {
  const notes = [];
  if (state.missing) notes.push(`The scan is not complete: ${count(state.missing)} photos and mosaic bands are left to judge.`);
  if (state.lost) notes.push(state.lost);
  if (state.elsewhere) notes.push(`${plural(state.elsewhere, "row")} with verdicts ${state.elsewhere === 1 ? "is" : "are"} not in this scan.`);
  app.summarySlot.append(...notes.map((text) => element("p", { class: "review-note" }, text)));
}

async function startReview(app) {
  const desk = new ReviewDesk(app);
  await desk.load();
  addReviewQueues(app, desk);
  tellState(app, desk.state);
  const panel = new VerdictPanel(app, desk);
  new ReviewStatistics(app, desk);
  new SourceViewer(app, desk, panel);
  followHeat(app, desk);
  fetchAhead(app);
  app.refresh();
  document.body.dataset.review = "ready";
}

onStart((app) => startReview(app));
