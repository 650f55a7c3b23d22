// Verdicts on the selected row: buttons, keys, the note, the missed cracks, and what each reviewer says.

import { count, element, plural, replaceChildren, svg } from "./elements.js";

const JUDGEMENTS = [
  ["1", "crack", "Crack"],
  ["0", "no-crack", "No crack"],
  ["?", "unsure", "Unsure"],
];
const WORDS = { crack: "crack", "no-crack": "no crack", unsure: "unsure" };

/** The panel under the picture; it follows the app. */
export class VerdictPanel {
  constructor(app, desk) {
    this.app = app;
    this.desk = desk;
    this.isMarking = false; // the next click in the picture is a missed crack
    this.shown = undefined; // the row that the panel is about
    this.opinions = null;
    this.unsaved = new Map(); // texts of notes, by row, that the server has not taken
    this.problem = element("p", { class: "desk-problem", role: "alert", hidden: true });
    this.said = element("p", { class: "desk-said" });
    this.hint = element("p", { class: "desk-hint", role: "status" });
    this.note = this.noteField();
    this.buttons = {};
    app.detailSlot.append(
      element("div", { class: "desk" }, this.problem, this.bar(), this.note, this.hint, this.said),
    );
    this.addKeys();
    app.detail.onPictureClick((row, col, line) => this.isMarking && this.mark(row, col, line));
    app.on("select", (row) => this.show(row));
    app.on("desk-problem", (text) => this.tellProblem(text));
    new MutationObserver(() => this.drawMissed()).observe(document.getElementById("picture"), { childList: true });
    this.show(app.selected);
  }

  bar() {
    const button = (id, key, label, action) => {
      this.buttons[id] = element("button", { type: "button", onclick: action }, element("kbd", {}, key), ` ${label}`);
      return this.buttons[id];
    };
    return element(
      "div",
      { class: "desk-bar", role: "toolbar", "aria-label": "Verdict" },
      ...JUDGEMENTS.map(([key, action, label]) => button(action, key, label, () => this.judge(action))),
      button("missed", "m", "Missed here", () => this.toggleMarking()),
      button("flag", "f", "Flag", () => this.flag()),
      button("note", "n", "Note", () => this.writeNote()),
      button("undo", "u", "Undo", () => this.undo()),
    );
  }

  noteField() {
    const field = element("textarea", { rows: 2, maxlength: 2000, "aria-label": "Note; Enter saves it, Escape leaves it", hidden: true });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        this.saveNote();
      } else if (event.key === "Escape") {
        this.unsaved.delete(this.shown);
        this.closeNote();
      }
    });
    return field;
  }

  addKeys() {
    for (const [key, action, label] of JUDGEMENTS) this.app.addKey(key, label.toLowerCase(), () => this.judge(action));
    this.app.addKey("m", "a crack was missed here: click on it", () => this.toggleMarking());
    this.app.addKey("f", "flag", () => this.flag());
    this.app.addKey("n", "note", () => this.writeNote());
    this.app.addKey("u", "undo", () => this.undo());
    this.app.addKey("j", "next row without a verdict", () => this.nextOpen());
    this.app.addKey("Escape", "stop marking a missed crack", () => this.setMarking(false));
  }

  /** Saves a judgement, and goes on to the next row at once: the next key is for that row, however slow the server is. */
  async judge(action) {
    const row = this.app.selected;
    if (row < 0) return;
    const rows = this.desk.together(row);
    const places = rows.map((other) => this.app.positions[other]);
    const saved = this.desk.act({ action, rows });
    this.app.step(rows.length > 1 ? Math.max(...places) + 1 - this.app.positions[row] : 1);
    if (!(await saved)) this.app.show(row);
    else this.showAgain(row); // the last row of the list stays selected
  }

  async flag() {
    const row = this.app.selected;
    if (row < 0) return;
    const saved = await this.desk.act({ action: this.desk.flagged.has(row) ? "unflag" : "flag", rows: [row] });
    if (saved) this.showAgain(row);
  }

  async undo() {
    const answer = await this.desk.act({ action: "undo" });
    if (!answer) return;
    const hint = answer.undone ? `Taken back: ${answer.undone}.` : "There is nothing to take back.";
    const last = answer.rows.length ? answer.rows[0].row : this.app.selected;
    this.app.show(last);
    this.say(hint);
  }

  toggleMarking() {
    if (this.app.selected >= 0) this.setMarking(!this.isMarking);
  }

  setMarking(isMarking) {
    this.isMarking = isMarking;
    this.buttons.missed.setAttribute("aria-pressed", String(isMarking));
    document.getElementById("picture").classList.toggle("marking", isMarking);
    this.say(isMarking ? "Click on the crack that was missed; Escape stops. Without a mouse: v, arrows, m and Enter." : "");
  }

  async mark(row, col, line) {
    this.setMarking(false);
    const answer = await this.desk.act({ action: "missed", rows: [row], point: [col, line] });
    if (!answer) return;
    const marked = answer.rows[0].row;
    this.showAgain(row);
    this.say(marked === row ? "Marked as missed." : `Marked as missed in the tile at ${count(this.app.rows.col[marked])}, ${count(this.app.rows.row[marked])}.`);
  }

  writeNote() {
    const row = this.app.selected;
    if (row < 0) return;
    this.openNote(this.unsaved.get(row) ?? this.ownNote());
    this.note.focus();
  }

  ownNote() {
    return this.opinions?.opinions[this.desk.reviewer]?.note ?? "";
  }

  openNote(text) {
    this.note.value = text;
    this.noteBefore = this.unsaved.has(this.shown) ? null : text;
    this.note.hidden = false;
  }

  /** Saves the note, and closes its field at once: the next key is a verdict, however slow the server is. */
  async saveNote() {
    const row = this.shown;
    const text = this.note.value;
    this.closeNote();
    if (!(await this.keepNote(row, text))) {
      this.app.show(row);
      this.note.focus();
    }
  }

  /** Saves the note of a row that is left, if its text has changed: a click into the list must not lose it. */
  leaveNote() {
    if (!this.note.hidden && this.note.value !== this.noteBefore) this.keepNote(this.shown, this.note.value);
    this.note.hidden = true;
  }

  /** Saves a note; a text that the server does not take is there again when its row is shown. */
  async keepNote(row, text) {
    const saved = await this.desk.act({ action: "note", rows: [row], text });
    if (saved) this.unsaved.delete(row);
    else this.unsaved.set(row, text);
    this.showAgain(row);
    return saved;
  }

  closeNote() {
    this.note.hidden = true;
    document.getElementById("list").focus({ preventScroll: true });
  }

  /** Goes to the next row of the list that nobody has judged. */
  nextOpen() {
    const { order, positions, selected, rows } = this.app;
    for (let place = (selected < 0 ? -1 : positions[selected]) + 1; place < order.length; place += 1) {
      if (rows.verdict[order[place]] === 0) {
        this.app.select(order[place]);
        return;
      }
    }
    this.say("All rows behind this one have a verdict.");
  }

  say(text) {
    this.hint.textContent = text;
  }

  tellProblem(text) {
    this.problem.textContent = text ?? "";
    this.problem.hidden = text === null;
  }

  /** Shows what people say about a row after an answer, if it is still selected. */
  showAgain(row) {
    if (this.app.selected === row) this.show(row);
  }

  /** Shows what people say about a row. A note or a mark that was begun on the same row stays open. */
  async show(row) {
    if (row !== this.shown) {
      this.setMarking(false);
      this.leaveNote();
    }
    this.shown = row;
    this.opinions = null;
    if (this.unsaved.has(row) && this.note.hidden) this.openNote(this.unsaved.get(row));
    this.drawOpinions(row);
    const together = this.desk.together(row).length;
    if (together > 1) this.say(`These ${count(together)} rows look alike at the same place: a verdict is for all of them.`);
    if (row < 0 || !(this.app.rows.verdict[row] || this.desk.flagged.has(row) || this.desk.notes.has(row))) return;
    const opinions = await this.desk.opinions(row).catch(() => null);
    if (this.app.selected !== row || opinions === null) return;
    this.opinions = opinions;
    this.drawOpinions(row);
    this.drawMissed();
  }

  drawOpinions(row) {
    for (const [id, button] of Object.entries(this.buttons)) button.disabled = row < 0 && id !== "undo";
    const own = this.opinions?.opinions[this.desk.reviewer];
    for (const [, action] of JUDGEMENTS) {
      this.buttons[action].setAttribute("aria-pressed", String(own?.verdict === action));
    }
    this.buttons.flag.setAttribute("aria-pressed", String(this.desk.flagged.has(row)));
    const texts = Object.entries(this.opinions?.opinions ?? {}).map(([name, opinion]) => opinionText(name, opinion));
    if (this.opinions?.verdict === 4) texts.unshift("The reviewers disagree.");
    replaceChildren(this.said, ...texts.flatMap((text) => [element("bdi", {}, text), element("br")]));
  }

  /** Adds the missed cracks to the drawing of the row. */
  drawMissed() {
    const drawing = document.querySelector("#picture svg");
    if (!drawing || drawing.querySelector(".missed") || !this.opinions) return;
    const inside = drawing.querySelector(".inside");
    const points = Object.values(this.opinions.opinions).flatMap((opinion) => opinion.missed);
    const radius = drawing.viewBox.baseVal.width / 40;
    for (const [x, y] of points) {
      inside.append(svg("circle", { class: "missed-halo", cx: x, cy: y, r: radius }), svg("circle", { class: "missed", cx: x, cy: y, r: radius }));
    }
  }
}

/** Returns what a reviewer says as one line. */
function opinionText(name, opinion) {
  const parts = [];
  if (opinion.verdict) parts.push(WORDS[opinion.verdict]);
  if (opinion.missed.length) parts.push(`${plural(opinion.missed.length, "missed crack")} marked`);
  if (opinion.flagged) parts.push("flagged");
  if (opinion.note) parts.push(`“${opinion.note}”`);
  return `${name}: ${parts.join(", ")} (${opinion.at.replace("T", " ").replace("Z", " UTC")})`;
}
