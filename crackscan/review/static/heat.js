// Heat of photos: the server knows the probability of each tile that a photo's row was decided by.

const PHOTO = 0; // of rows.kind

/** Asks for the tiles of the selected photo when its heat is to be shown, once. */
export function followHeat(app, desk) {
  const known = app.survey.pictures.heat;
  const ask = async () => {
    const row = app.selected;
    if (row < 0 || !app.detail.shown.heat || app.rows.kind[row] !== PHOTO || known[row]) return;
    const { tiles } = await desk.tiles(row).catch(() => ({ tiles: [] }));
    if (tiles.length === 0) return;
    known[row] = tiles;
    if (app.selected === row) app.detail.draw();
  };
  app.on("select", ask);
  app.on("shown", ask);
}
