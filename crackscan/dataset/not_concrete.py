"""Pictures of what is not concrete: folders of photos and mosaics, cut into tiles of a known kind."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from crackscan.basics import grid
from crackscan.basics.arrays import Pixels
from crackscan.basics.errors import BadData, Unreadable
from crackscan.basics.progress import Progress
from crackscan.basics.records import Window
from crackscan.dataset.corrections import LEAVE_OUT, is_corrections
from crackscan.dataset.csv_files import read_csv
from crackscan.dataset.folders import list_folder
from crackscan.reading import fit, read_photo

MIN_VALID = 0.5  # a tile whose valid fraction is below this is not used

_Key = tuple[str, str, str, str]  # folder, source, col, row; col and row are "" for a whole picture


@dataclass(frozen=True, slots=True)
class OtherTile:
    """A tile that shows no concrete."""

    source: str  # the picture: folder and name
    kind: str  # what it shows, such as "grass"
    pixels: Pixels  # (s, s, 3)


class NotConcrete:
    """The pictures of several folders, and a CSV that says what their tiles show."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """List the pictures; a path is a folder, or a CSV with the columns data, source and label.

        Raises:
            NoInputs: a folder has no picture, or a CSV cannot be opened.
            BadData: a CSV is not one of kinds, or there is no folder.
        """
        tables = [path for path in paths if path.suffix.lower() == ".csv"]
        folders = [path for path in paths if path not in tables]
        if not folders:
            raise BadData("--not-concrete: a CSV alone; name the folders of its pictures, too.")
        self._kinds: dict[_Key, str] = {}
        for table in tables:
            self._read_kinds(table)
        self._pictures = [
            (folder.resolve().name, source, path)
            for folder in folders
            for source, path in list_folder(folder).images.items()
        ]

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self._pictures)

    def tiles(self, *, tile_px: int, progress: Progress) -> Iterator[OtherTile]:
        """Yield the tiles of all pictures at their own scale, picture by picture.

        Pictures that cannot be read are noted, and tiles that the CSV leaves out are not yielded.
        """
        for folder, source, path in self._pictures:
            try:
                patch = read_photo(path).patch
            except Unreadable as error:
                progress.note(f"{path}: left out ({error})")
            else:
                height, width = patch.pixels.shape[:2]
                for window in grid.windows(width, height, tile_px=tile_px):
                    kind, tile = self._kind(folder, source, window), patch.crop(window)
                    if kind != LEAVE_OUT and tile.valid_fraction >= MIN_VALID:
                        yield OtherTile(f"{folder}/{source}", kind, fit(tile.filled(), tile_px, tile_px))
            progress.advance()

    def _kind(self, folder: str, source: str, window: Window) -> str:
        """Return what the CSV says of a tile, else of its picture; else the name of the folder."""
        of_picture = self._kinds.get((folder, source, "", ""), folder)
        return self._kinds.get((folder, source, str(window.col), str(window.row)), of_picture)

    def _read_kinds(self, path: Path) -> None:
        if not is_corrections(path):
            raise BadData(f"{path}: lacks the columns data,source,label; they say what a picture shows.")
        for row in read_csv(path)[1]:
            values = row.values
            if not values["label"].strip():
                raise BadData(f'{path.name}, line {row.line}: no label; write a kind, such as "grass".')
            key = values["data"], values["source"], values.get("col", ""), values.get("row", "")
            self._kinds[key] = values["label"].strip()
