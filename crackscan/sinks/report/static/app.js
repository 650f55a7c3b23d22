// The state of the page: which rows are listed, in which order, which one is selected; and who wants to know.

const starters = [];

/** Registers a function that is called with the app, once the page is drawn. */
export function onStart(starter) {
  starters.push(starter);
}

/** Calls all registered functions. */
export function startAll(app) {
  for (const starter of starters) starter(app);
}

const ALMOST = 0.5; // times the threshold: rows above it are almost cracked

/** The state, and the events "select" (row), "threshold", "filter" and "verdict" (row). */
export class App {
  constructor(survey) {
    this.survey = survey;
    this.rows = survey.rows;
    this.threshold = survey.run.threshold;
    this.selected = -1;
    this.order = new Uint32Array(0);
    this.positions = new Int32Array(this.rows.count).fill(-1); // of each row in the order
    this.queue = "cracks";
    this.sorting = "surest";
    this.text = "";
    this.queues = new Map();
    this.keys = new Map();
    this.listeners = new Map();
    this.addQueue({ id: "cracks", label: "Cracks", choose: (row) => this.isCrack(row) });
    this.addQueue({ id: "almost", label: "Almost: just below the threshold", choose: (row) => this.isAlmost(row) });
    this.addQueue({ id: "blind", label: "Not assessed", choose: (row) => this.rows.status[row] !== 0 });
    this.addQueue({ id: "all", label: "All rows", choose: () => true });
  }

  /** Registers a listener of an event. */
  on(event, listener) {
    if (!this.listeners.has(event)) this.listeners.set(event, []);
    this.listeners.get(event).push(listener);
  }

  /** Tells the listeners of an event. */
  tell(event, ...values) {
    for (const listener of this.listeners.get(event) ?? []) listener(...values);
  }

  /** Adds a queue: `choose(row)` says whether a row belongs to it; or `order()` returns its rows, in order. */
  addQueue(queue) {
    this.queues.set(queue.id, queue);
    this.tell("queues");
  }

  /** Adds a key (`KeyboardEvent.key`) with a text for the list of keys. */
  addKey(key, label, action) {
    this.keys.set(key, { label, action });
  }

  isCrack(row) {
    return this.rows.cracked_up_to[row] >= Math.fround(this.threshold);
  }

  isAlmost(row) {
    const upTo = this.rows.cracked_up_to[row];
    return upTo < Math.fround(this.threshold) && upTo >= Math.fround(ALMOST * this.threshold);
  }

  /** Returns "crack", "almost", "no-crack" or "blind" for a row. */
  state(row) {
    if (this.rows.status[row] !== 0) return "blind";
    if (this.isCrack(row)) return "crack";
    return this.isAlmost(row) ? "almost" : "no-crack";
  }

  /** Changes the filter: any of queue, sorting and text. */
  filter(changes) {
    Object.assign(this, changes);
    this.refresh();
  }

  setThreshold(threshold) {
    this.threshold = threshold;
    this.tell("threshold", threshold);
    this.refresh();
  }

  /** Chooses and sorts the rows again; the selected row stays selected, or the first one is. */
  refresh() {
    const queue = this.queues.get(this.queue);
    const matches = this.nameFilter();
    const chosen = queue.order ? Uint32Array.from(queue.order()).filter(matches) : this.choose(queue.choose, matches);
    if (!queue.order) this.sort(chosen);
    this.order = chosen;
    this.positions.fill(-1);
    for (let place = 0; place < chosen.length; place += 1) this.positions[chosen[place]] = place;
    this.tell("filter", chosen);
    if (this.selected < 0 || this.positions[this.selected] < 0) this.select(chosen.length ? chosen[0] : -1);
  }

  nameFilter() {
    const words = this.text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return () => true;
    const fits = this.survey.sources.names.map((name) => {
      const lower = name.toLocaleLowerCase();
      return words.every((word) => lower.includes(word));
    });
    return (row) => fits[this.rows.source[row]];
  }

  choose(belongs, matches) {
    const chosen = new Uint32Array(this.rows.count);
    let found = 0;
    for (let row = 0; row < this.rows.count; row += 1) {
      if (belongs(row) && matches(row)) {
        chosen[found] = row;
        found += 1;
      }
    }
    return chosen.subarray(0, found);
  }

  /** Sorts rows in place; of equals the earlier comes first. */
  sort(chosen) {
    const { probability, length_px: length, max_width_px: width, mm_per_px: scale } = this.rows;
    const size = (values) => (row) => values[row] * (scale[row] > 0 ? scale[row] : 1);
    const certainty = (row) => (this.isCrack(row) ? 10 : 0) + probability[row];
    const keys = { surest: certainty, longest: size(length), widest: size(width) };
    const key = keys[this.sorting];
    if (!key) return; // along the structure: as the rows stand
    const values = new Float64Array(this.rows.count);
    for (const row of chosen) values[row] = Number.isNaN(key(row)) ? -1 : key(row);
    chosen.sort((one, other) => values[other] - values[one] || one - other);
  }

  /** Selects a row, or none (-1). */
  select(row) {
    this.selected = row;
    this.tell("select", row);
  }

  /** Selects a row that may not be listed: then all rows are. */
  show(row) {
    if (this.positions[row] < 0) {
      this.selected = row;
      this.filter({ queue: "all", text: "" });
    }
    this.select(row);
  }

  /** Selects the next row of the list (step 1), or the one before (-1). */
  step(step) {
    if (this.order.length === 0) return;
    const place = this.selected < 0 ? 0 : this.positions[this.selected] + step;
    this.select(this.order[Math.min(Math.max(place, 0), this.order.length - 1)]);
  }

  /** Sets what a person says of a row: 0 nothing, 1 crack, 2 no crack, 3 unsure. */
  setVerdict(row, verdict) {
    this.rows.verdict[row] = verdict;
    this.tell("verdict", row);
  }

  /** Says a sentence to those who do not see the page. */
  announce(text) {
    document.getElementById("announcement").textContent = text;
  }
}
