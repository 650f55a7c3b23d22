// Frames: what the map can show together, the sources of one region on earth or one mosaic in its own pixels.

import { count } from "./elements.js";
import { shortName } from "./pictures.js";

const PER_LAT = 110_540; // m per degree of latitude
const PER_LON = 111_320; // m per degree of longitude, at the equator
const REGION_M = 10_000; // from its first position: farther ones are another region

/** Returns x, y in metres of a position on earth, from an origin that is not far away. */
export function metres([lon0, lat0], lon, lat) {
  return [(lon - lon0) * PER_LON * Math.cos((lat0 * Math.PI) / 180), (lat - lat0) * PER_LAT];
}

/** Returns the frames of a survey: {id, label, sources, origin}; without origin it is a mosaic in its own pixels. */
export function findFrames(survey) {
  const found = regions(survey);
  found.forEach((frame, number) => {
    frame.id = `region-${number}`;
    const name = shortName(survey, [...frame.sources][0]);
    frame.label = found.length === 1 ? "Map" : `${name}${frame.sources.size > 1 ? ` and ${count(frame.sources.size - 1)} more` : ""}`;
  });
  for (const source of Object.keys(survey.sources.mosaics)) {
    if (!survey.sources.mosaics[source].affine) {
      found.push({ id: `pixels-${source}`, label: `${shortName(survey, source)} (pixels)`, sources: new Set([Number(source)]) });
    }
  }
  return found;
}

/** Returns the regions of a survey: a position belongs to the first region whose first position is near. */
function regions(survey) {
  const { lon, lat, source } = survey.rows;
  const found = [];
  for (let row = 0; row < lon.length; row += 1) {
    if (Number.isNaN(lon[row])) continue;
    let region = found.find(({ origin }) => Math.hypot(...metres(origin, lon[row], lat[row])) < REGION_M);
    if (!region) {
      region = { origin: [lon[row], lat[row]], sources: new Set() };
      found.push(region);
    }
    region.sources.add(source[row]);
  }
  return found;
}
