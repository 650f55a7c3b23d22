"""A folder of what people judged: labelled tiles and corrections, as `evaluate` and `train` take them.

- `crack/` and `no-crack/` hold tiles, cut by the reader that scans use.
- `tiles.csv` is a manifest of the same tiles, with groups that keep neighbours together.
- `corrections.csv` has labels for the scanned pictures themselves, where they are a dataset.
"""

import csv
import re
import shutil
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp
from typing import NamedTuple

from PIL import Image

from crackscan.basics.errors import CrackscanError, Unreadable
from crackscan.basics.records import Result, Window, Work
from crackscan.dataset.corrections import COLUMNS as CORRECTION_COLUMNS
from crackscan.dataset.corrections import LEAVE_OUT
from crackscan.review.labelled_windows import labelled_windows
from crackscan.review.tile_cutter import TileCutter
from crackscan.review.verdict_file import VerdictFile, open_verdicts
from crackscan.review.verdicts import Agreement, RowId, agree
from crackscan.scanning.file_names import shown_as
from crackscan.scanning.journal_file import read_journal

LABELS = {True: "crack", False: "no-crack"}
MANIFEST_COLUMNS = ("path", "label", "group", "source", "col", "row")
BLOCK_PX = 2048  # of a mosaic: tiles within one are a group
LONGEST_STEM = 60  # characters of a source in the name of its tiles

Line = Sequence[object]  # of a table


class Exported(NamedTuple):
    """What an export wrote."""

    cracks: int  # tiles
    no_cracks: int
    corrections: int
    unreadable: dict[str, str]  # source: why its tiles are missing


def export(journal: Path, folder: Path) -> Exported:
    """Write what people judged to a new folder, which appears when it is whole.

    Raises:
        CrackscanError: the folder exists, the journal cannot be read, or it has no verdicts.
        OSError: the folder cannot be written.
    """
    verdicts = open_verdicts(journal)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CrackscanError(f"{folder}: is there already; choose another name.")
    if not folder.parent.is_dir():
        raise CrackscanError(f"{folder}: there is no folder {folder.parent}; create it first.")
    partial = Path(mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        exported = _write(journal, verdicts, partial)
        if folder.is_dir():
            folder.rmdir()
        partial.chmod(0o755)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return exported


def _write(journal: Path, verdicts: VerdictFile, folder: Path) -> Exported:
    for label in LABELS.values():
        (folder / label).mkdir()
    tiles, corrections, unreadable = list[Line](), list[Line](), dict[str, str]()
    with read_journal(journal) as opened, TileCutter() as cutter:
        for work, rows in opened.results():
            for row in rows:
                opinions = verdicts.opinions(RowId.of_row(row))
                if agreement := agree(opinions):
                    corrections += _corrections(work, row, agreement)
                for window, cracked in labelled_windows(row, opinions).items():
                    try:
                        tiles.append(_write_tile(cutter, folder, work, window, LABELS[cracked]))
                    except Unreadable as error:
                        unreadable[work.source] = str(error)
    _write_table(folder / "tiles.csv", MANIFEST_COLUMNS, tiles)
    _write_table(folder / "corrections.csv", (*CORRECTION_COLUMNS, "col", "row"), corrections)
    cracks = sum(tile[1] == LABELS[True] for tile in tiles)
    return Exported(cracks, len(tiles) - cracks, len(corrections), unreadable)


def _write_tile(cutter: TileCutter, folder: Path, work: Work, window: Window, label: str) -> Line:
    """Write a tile, and return its line in the manifest.

    Raises: Unreadable: as `TileCutter.tile`.
    """
    picture = Image.fromarray(cutter.tile(work, window))
    digest = blake2b(work.source.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    stem = re.sub(r"[^A-Za-z0-9]+", "-", PurePosixPath(work.source).stem)[:LONGEST_STEM].strip("-")
    name = f"{label}/{stem or 'source'}-{digest}_{window.col}_{window.row}.png"
    picture.save(folder / name)
    block = f" {window.col // BLOCK_PX},{window.row // BLOCK_PX}" if work.kind == "mosaic" else ""
    return name, label, work.source + block, work.source, window.col, window.row


def _corrections(work: Work, row: Result, said: Agreement) -> Iterator[Line]:
    """Yield the line that corrects the label of a picture; who is unsure leaves it out."""
    if work.kind != "photo" or said.review is None:
        return
    data, source = _dataset(work)
    label = LEAVE_OUT if said.cracked is None else LABELS[said.cracked]
    corner = (row.col, row.row) if row.kind == "tile" else ("", "")
    yield data, source, label, *corner


def _dataset(work: Work) -> tuple[str, str]:
    """Return the name of the scanned folder, and the source in it; else those of the file alone."""
    path = Path(work.path).absolute()
    if shown_as(work.path, None) == work.source:
        return path.parent.name, shown_as(path.name, None)
    depth = len(PurePosixPath(work.source).parts)
    return path.parents[depth - 1].name, work.source


def _write_table(path: Path, columns: Sequence[str], lines: Sequence[Line]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(lines)
