// Talks to the server of the review. An act counts when the server has answered that it is saved.

/** The reviewer's desk; listeners of "desk" hear of each row that changes. */
export class ReviewDesk {
  constructor(app) {
    this.app = app;
    this.addresses = app.survey.served;
    this.flagged = new Set();
    this.notes = new Map();
    this.drawn = [];
    this.repeats = new Map(); // of each row, the rows that look alike
    this.hasRepeats = false;
    this.saving = Promise.resolve();
  }

  /** Asks for what people have said so far. */
  async load() {
    const state = await this.ask(this.addresses.state);
    this.reviewer = state.reviewer;
    this.state = state;
    this.drawn = Uint32Array.from(state.drawn);
    this.flagged = new Set(state.flagged);
    this.notes = new Map(Object.entries(state.notes).map(([row, note]) => [Number(row), note]));
    for (const [row, verdict] of Object.entries(state.verdicts)) this.app.rows.verdict[row] = verdict;
  }

  /** Saves an act, after those before it; returns the server's answer, or null: it is not saved. */
  act(content) {
    const saved = this.saving.then(() => this.post(content));
    this.saving = saved;
    return saved;
  }

  async post(content) {
    const drawn = this.app.queue === "drawn";
    try {
      const answer = await this.ask(this.addresses.verdicts, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...content, drawn }),
      });
      this.app.tell("desk-problem", null);
      for (const row of answer.rows) this.take(row);
      this.app.tell("desk", answer);
      return answer;
    } catch (error) {
      this.app.tell("desk-problem", problemText(error));
      return null;
    }
  }

  /** Asks the server, and returns its JSON. */
  async ask(address, options = {}) {
    const response = await fetch(address, options);
    const content = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(content.error ?? `the server answers ${response.status}`);
    return content;
  }

  take(said) {
    if (said.flagged) this.flagged.add(said.row);
    else this.flagged.delete(said.row);
    if (said.note) this.notes.set(said.row, said.note);
    else this.notes.delete(said.row);
    this.app.setVerdict(said.row, said.verdict);
  }

  /** Returns the rows that a key judges: in the queue of repeats, all that look alike. */
  together(row) {
    return (this.app.queue === "repeats" && this.repeats.get(row)) || [row];
  }

  /** Returns what each reviewer says about a row. */
  opinions(row) {
    return this.ask(this.addresses.row.replace("{row}", row));
  }

  /** Returns the judged tiles of a photo: col, row, width, height and probability of each. */
  tiles(row) {
    return this.ask(this.addresses.tiles.replace("{row}", row));
  }

  statistics(threshold) {
    return this.ask(this.addresses.statistics.replace("{threshold}", threshold.toFixed(4)));
  }
}

function problemText(error) {
  if (error instanceof TypeError) {
    return "Not saved: the review has ended. Start crackscan review again, and open the address that it prints.";
  }
  return `Not saved: ${error.message}.`;
}
