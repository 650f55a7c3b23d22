// Queues of a review: the random sample, the repeats, and the rows with verdicts.

/** Adds the queues to the page's own ones. */
export function addReviewQueues(app, desk) {
  const { verdict } = app.rows;
  app.addQueue({ id: "drawn", label: "Random sample: what was missed?", order: () => desk.drawn });
  app.addQueue({ id: "repeats", label: "Repeats: alike at the same place", order: () => [...desk.repeats.keys()] });
  app.addQueue({ id: "judged", label: "With a verdict", choose: (row) => verdict[row] !== 0 });
  app.addQueue({ id: "disagreement", label: "Reviewers disagree", choose: (row) => verdict[row] === 4 });
  app.addQueue({ id: "flagged", label: "Flagged", choose: (row) => desk.flagged.has(row) });
  app.addQueue({ id: "notes", label: "With a note", choose: (row) => desk.notes.has(row) });
  document.getElementById("queue").addEventListener("change", () => app.queue === "repeats" && findRepeats(app, desk));
}

/** Asks for the repeats: the server compares pictures, which takes some seconds. */
async function findRepeats(app, desk) {
  if (desk.hasRepeats) return;
  document.getElementById("list-empty").textContent = "Pictures are being compared.";
  const { groups } = await desk.ask(desk.addresses.repeats);
  desk.hasRepeats = true;
  for (const group of groups) for (const row of group) desk.repeats.set(row, group);
  document.getElementById("list-empty").textContent = "No findings look alike at the same place of three photos or more.";
  if (app.queue === "repeats") app.refresh();
}
