// Drawings of rows: the picture with the outline of the tile, crack lines, and heat. Nothing is drawn beside the picture.

import { eachLine, windowOf } from "./decode.js";
import { probabilityText, svg } from "./elements.js";
import { stateLabel } from "./list.js";
import { pictureAddress, pictureWindow } from "./pictures.js";

const FIGURE_PART = 0.1; // of the width of a tile: the height of its figure

/** Returns the picture of a row as a drawing, or null where there is none. */
export function drawPicture(app, row, shown) {
  const address = pictureAddress(app.survey, row);
  const area = pictureWindow(app.survey, row);
  if (address === null || area === null) return null;
  const window = windowOf(app.survey, row);
  const view = shown.close ? window : area;
  const name = app.survey.sources.names[app.rows.source[row]];
  const place = { x: area.col, y: area.row, width: area.width, height: area.height };
  return svg(
    "svg",
    { viewBox: boxOf(view), role: "img", "aria-label": `${stateLabel(app, row)}, ${name} at ${window.col}, ${window.row}` },
    svg(
      "svg", // an inner one ends at its edges, while the outer one fills the page's room
      { class: "inside", "aria-hidden": "true", viewBox: boxOf(view), x: view.col, y: view.row, width: view.width, height: view.height },
      svg("image", { href: address, preserveAspectRatio: "none", ...place }),
      shown.heat ? heat(app, row, view) : null,
      shown.outline && !shown.close ? outline(window) : null,
      shown.lines ? lines(app, row, area) : null,
    ),
  );
}

function boxOf({ col, row, width, height }) {
  return `${col} ${row} ${width} ${height}`;
}

function outline(window) {
  const place = { x: window.col, y: window.row, width: window.width, height: window.height };
  return svg("g", {}, svg("rect", { class: "outline-halo", ...place }), svg("rect", { class: "outline", ...place }));
}

/** Returns the rows of the same source whose windows touch an area. */
function rowsInside(app, row, area) {
  const { source, col, row: top, width, height } = app.rows;
  const found = [];
  const end = app.survey.firstOfSource[source[row] + 1];
  for (let other = app.survey.firstOfSource[source[row]]; other < end; other += 1) {
    const beside = col[other] > area.col + area.width || col[other] + width[other] < area.col;
    const apart = top[other] > area.row + area.height || top[other] + height[other] < area.row;
    if (width[other] > 0 && !beside && !apart) found.push(other);
  }
  return found;
}

function lines(app, row, area) {
  const { points } = app.survey.lines;
  const paths = [];
  for (const other of rowsInside(app, row, area)) {
    eachLine(app.survey, other, (first, end) => {
      const positions = [];
      for (let point = first; point < end; point += 1) {
        positions.push(`${points[2 * point] / 10},${points[2 * point + 1] / 10}`);
      }
      paths.push(positions.join(" "));
    });
  }
  return svg(
    "g",
    {},
    ...paths.map((path) => svg("polyline", { class: "line-halo", points: path })),
    ...paths.map((path) => svg("polyline", { class: "line", points: path })),
  );
}

/** Returns the judged tiles in a view, the redder the surer; of a photo, those that its row was decided by. */
function heat(app, row, view) {
  const tiles = judgedTiles(app, row, view);
  return svg(
    "g",
    { class: "heat" },
    ...tiles.map(([x, y, width, height, probability]) =>
      svg("rect", { x, y, width, height, "fill-opacity": (0.5 * probability).toFixed(3) }),
    ),
    ...tiles.map((tile) => figureOf(tile, view)),
    peak(app, row),
  );
}

/** Returns a ring where the model saw most of a crack in the row's tile, or null. */
function peak(app, row) {
  const { peak_col: col, peak_row: line, width } = app.rows;
  if (!(col[row] >= 0)) return null;
  const ring = { cx: col[row], cy: line[row], r: width[row] / 20 };
  return svg("g", {}, svg("circle", { class: "peak-halo", ...ring }), svg("circle", { class: "peak", ...ring }));
}

/** Returns col, row, width, height and probability of each judged tile that a view shows. */
function judgedTiles(app, row, view) {
  const own = app.survey.pictures.heat[row];
  const tiles =
    own ??
    rowsInside(app, row, view)
      .filter((other) => !Number.isNaN(app.rows.probability[other]))
      .map((other) => [...Object.values(windowOf(app.survey, other)), app.rows.probability[other]]);
  return tiles.filter(
    ([x, y, width, height]) =>
      x < view.col + view.width && x + width > view.col && y < view.row + view.height && y + height > view.row,
  );
}

/** Returns the probability of a tile, in the middle of its part that is seen; null where it has no room. */
function figureOf([x, y, width, height, probability], view) {
  const [left, right] = [Math.max(x, view.col), Math.min(x + width, view.col + view.width)];
  const [top, bottom] = [Math.max(y, view.row), Math.min(y + height, view.row + view.height)];
  const size = FIGURE_PART * Math.min(width, view.width);
  if (right - left < 3 * size || bottom - top < 1.2 * size) return null;
  const place = { x: (left + right) / 2, y: (top + bottom) / 2, "font-size": size };
  return svg("text", place, probabilityText(probability));
}
