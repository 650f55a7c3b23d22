// Reads the data blocks of the page: one JSON text, and one block of base64 for each column of the rows.

const ARRAYS = { u1: Uint8Array, u4: Uint32Array, i4: Int32Array, f4: Float32Array, f8: Float64Array };

/** Returns the content of a data block, or null where the page has none (or has not loaded it yet). */
export function blockText(id) {
  const element = document.getElementById(id);
  return element ? element.textContent : null;
}

/** Returns the typed array of a block; `length` values of NaN or -1 where the column is unknown in all rows. */
function decodeColumn(id, type, length) {
  const text = type ? blockText(id) : null;
  if (text === null) return new Float32Array(length).fill(NaN);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return new ARRAYS[type](bytes.buffer);
}

/** Returns the survey: its JSON, with `rows` (a typed array for each column) and `lines`. */
export function readSurvey() {
  const survey = JSON.parse(blockText("survey"));
  const rows = { count: survey.count };
  for (const name of survey.known_columns) {
    rows[name] = decodeColumn(`column-${name}`, survey.columns[name], survey.count);
  }
  rows.verdict = survey.columns.verdict ? rows.verdict : new Uint8Array(survey.count);
  survey.rows = rows;
  survey.lines = {};
  for (const [name, type] of Object.entries(survey.line_columns)) {
    survey.lines[name] = decodeColumn(`line-${name}`, type, 0);
  }
  survey.firstOfSource = firstRows(rows.source, survey.sources.names.length);
  return survey;
}

/** Returns where the rows of each source begin, and at last the number of rows; a source's rows lie together. */
function firstRows(source, sources) {
  const first = new Uint32Array(sources + 1).fill(source.length);
  for (let row = source.length - 1; row >= 0; row -= 1) first[source[row]] = row;
  for (let number = sources - 1; number >= 0; number -= 1) {
    first[number] = Math.min(first[number], first[number + 1]);
  }
  return first;
}

/** Returns whether a row was assessed. */
export function isAssessed(survey, row) {
  return survey.rows.status[row] === 0;
}

/** Returns a row's window in px of its source, or null. */
export function windowOf(survey, row) {
  const { col, row: top, width, height } = survey.rows;
  return width[row] > 0 ? { col: col[row], row: top[row], width: width[row], height: height[row] } : null;
}

/** Calls `visit(first, end, index)` for each line of a row: its points are lines.points[2 * first .. 2 * end]. */
export function eachLine(survey, row, visit) {
  const lines = survey.lines;
  if (!lines.row || lines.row.length === 0) return;
  let low = 0;
  let high = lines.row.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines.row[middle] < row) low = middle + 1;
    else high = middle;
  }
  for (let line = low; line < lines.row.length && lines.row[line] === row; line += 1) {
    const end = line + 1 < lines.start.length ? lines.start[line + 1] : lines.points.length / 2;
    visit(lines.start[line], end, line);
  }
}
