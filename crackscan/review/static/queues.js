// Queues of a review: the random sample, and the rows with verdicts.

/** Adds the queues to the page's own ones. */
export function addReviewQueues(app, desk) {
  const { verdict } = app.rows;
  app.addQueue({ id: "drawn", label: "Random sample: what was missed?", order: () => desk.drawn });
  app.addQueue({ id: "judged", label: "With a verdict", choose: (row) => verdict[row] !== 0 });
  app.addQueue({ id: "disagreement", label: "Reviewers disagree", choose: (row) => verdict[row] === 4 });
  app.addQueue({ id: "flagged", label: "Flagged", choose: (row) => desk.flagged.has(row) });
  app.addQueue({ id: "notes", label: "With a note", choose: (row) => desk.notes.has(row) });
}
