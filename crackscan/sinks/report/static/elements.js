// Makes elements and texts. All texts go through `textContent`: a file name is data, never HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Returns an element with attributes, listeners (onclick: f) and children (elements or texts). */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Returns an SVG element, in the same way. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Replaces the children of an element. */
export function replaceChildren(node, ...children) {
  node.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

/** Returns a whole number with separators: 12,400. */
export function count(number) {
  return number.toLocaleString("en-GB");
}

/** Returns "1 row" or "12,400 rows". */
export function plural(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

/** Returns a probability of three decimals, never rounded up to 1. */
export function probabilityText(value) {
  return Number.isNaN(value) ? "–" : Math.min(value, value < 1 ? 0.999 : 1).toFixed(3);
}

/** Returns a share in percent: "87 %", "< 1 %". */
export function percent(part, whole) {
  if (whole === 0) return "0 %";
  const share = (100 * part) / whole;
  if (part > 0 && share < 1) return "< 1 %";
  if (part < whole && share > 99) return "> 99 %";
  return `${Math.round(share)} %`;
}

/** Returns a length of a line as text, in m or mm where the resolution is known. */
export function lengthText(px, mmPerPx) {
  if (Number.isNaN(px)) return null;
  if (!(mmPerPx > 0)) return `${count(Math.round(px))} px`;
  const mm = px * mmPerPx;
  if (mm >= 100_000) return `${count(Math.round(mm / 1000))} m`;
  return mm >= 1000 ? `${(mm / 1000).toPrecision(3)} m` : `${(mm / 10).toFixed(mm < 100 ? 1 : 0)} cm`;
}

/** Returns a width as text, in mm where the resolution is known. */
export function widthText(px, mmPerPx) {
  if (Number.isNaN(px)) return null;
  const [width, unit] = mmPerPx > 0 ? [px * mmPerPx, "mm"] : [px, "px"];
  return `${width.toFixed(width < 10 ? 1 : 0)} ${unit}`;
}

/** Returns a position as text, to 0.1 m: 55.200376° N, 15.499278° E. */
export function positionText(lat, lon) {
  if (Number.isNaN(lat)) return null;
  return `${Math.abs(lat).toFixed(6)}° ${lat < 0 ? "S" : "N"}, ${Math.abs(lon).toFixed(6)}° ${lon < 0 ? "W" : "E"}`;
}
