// Addresses of pictures: in the file they are data blocks, on a server they are asked for.

import { blockText } from "./decode.js";

/** Returns the name of a source without the folders that all sources share. */
export function shortName(survey, source) {
  return survey.sources.names[source].slice(survey.sources.shared);
}

/** Returns the address of a row's picture, or null: it has none, or its block has not been loaded yet. */
export function pictureAddress(survey, row) {
  if (survey.served && survey.served.picture) {
    return survey.rows.width[row] > 0 ? survey.served.picture.replace("{row}", row) : null;
  }
  return dataAddress(`picture-${row}`);
}

/** Returns the address of a mosaic's overview, or null. */
export function overviewAddress(survey, source) {
  if (survey.served) return survey.served.overview.replace("{source}", source);
  return dataAddress(`overview-${source}`);
}

function dataAddress(id) {
  const text = blockText(id);
  return text === null ? null : `data:image/webp;base64,${text}`;
}

/** Returns the part of the source that a row's picture shows: {col, row, width, height, source_size}, or null. */
export function pictureWindow(survey, row) {
  const known = survey.pictures.windows[row];
  if (known) {
    const [col, top, width, height, sourceWidth, sourceHeight] = known;
    return { col, row: top, width, height, sourceSize: [sourceWidth, sourceHeight] };
  }
  if (!survey.served || !(survey.rows.width[row] > 0)) return null;
  const { col, row: top, width, height } = survey.rows;
  const size = survey.sources.sizes?.[survey.rows.source[row]] ?? null;
  return servedWindow(col[row], top[row], width[row], height[row], size);
}

/** Returns the window that a server draws: with the same context as `pictures.py`. */
function servedWindow(col, row, width, height, size) {
  const margin = Math.round(0.35 * Math.max(width, height));
  const left = Math.max(col - margin, 0);
  const top = Math.max(row - margin, 0);
  const right = Math.min(col + width + margin, size ? size[0] : Infinity);
  const bottom = Math.min(row + height + margin, size ? size[1] : Infinity);
  return { col: left, row: top, width: right - left, height: bottom - top, sourceSize: size };
}

/** Returns why a row has no picture, as a sentence. */
export function whyNoPicture(survey, row) {
  if (document.readyState === "loading") return "The picture is being loaded.";
  const reason = survey.pictures.missing[row];
  if (reason !== undefined) return `The picture could not be read when the report was written: ${reason}.`;
  if (!(survey.rows.width[row] > 0)) return "No part of it was assessed, so there is no picture.";
  return "This report holds pictures of the surest findings only, and this row is not among them.";
}
