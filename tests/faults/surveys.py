"""A small survey with all outputs at once, and what may become of its scan when a call fails."""

import csv
import io
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from forks import KINDS, Done, Fault, Forks
from makers import CRACK_LEVEL, make_mosaic, make_photo, pixels
from PIL import ExifTags, Image
from tallies import CONNECTION, PROGRAM

OUTPUTS = ("cracks.csv", "cracks.geojson", "cracks.geojsonl", "cracks.gpkg", "cracks.parquet", "heat.tif")
JOURNAL = f"{OUTPUTS[0]}.journal"
ERRORS: dict[str, tuple[tuple[str, bool], ...]] = {  # by kind of call: which error, and whether it stays
    "open": (("EACCES", False), ("EACCES", True)),
    "read": (("EIO", False), ("EIO", True)),
    "write": (("ENOSPC", False), ("ENOSPC", True), ("EIO", False)),
    "fsync": (("EIO", False), ("EIO", True)),
    "rename": (("EACCES", False), ("EACCES", True)),
    "close": (("EIO", False), ("EIO", True)),
}
WINDOW = ("source", "col", "row", "width", "height")
Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a run, and what is wrong with it: nothing, where all is well."""

    outcome: str  # "sentence", "same" rows or "unreadable" rows
    wrong: tuple[str, ...] = ()


class Survey:
    """Photos and a mosaic with cracks, scanned into one folder by forked processes."""

    def __init__(self, folder: Path, forks: Forks) -> None:
        """Make the survey, and scan it undisturbed."""
        self.folder, self.site, self.out = folder, folder / "site", folder / "out"
        self._forks = forks
        if not self.site.exists():
            make_survey(self.site)
        self.scan(teach=True)
        self.whole = self.files()
        self._names = self._listing()
        assert sorted(self._names) == sorted([*OUTPUTS, JOURNAL])

    def scan(self, fault: Fault | None = None, log: Path | None = None, *, teach: bool = False) -> Done:
        """Scan as if for the first time."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()
        return self._forks.run(*self._command(), fault=fault, home=self.folder, log=log, teach=teach)

    def scan_again(self) -> Done:
        """Scan by the same command, whatever is there already."""
        return self._forks.run(*self._command(), abrupt=True)

    def _command(self) -> list[object]:
        return ["scan", self.site, *outputs(self.out), "--jobs", "1", "--quiet"]

    def convert(self, to: Path) -> Done:
        """Write the journal's rows into a folder."""
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir()
        return self._forks.run("convert", self.out / JOURNAL, *outputs(to), "--quiet", abrupt=True)

    def faults(self) -> list[Fault]:
        """Return all calls of an undisturbed run, each with the errors that it can fail with."""
        counts = self.counts()
        single = [
            Fault(below, pattern, kind, nth, error, keeps_failing)
            for (below, pattern, kind), calls in sorted(counts.items())
            for nth in range(1, calls + 1)
            for error, keeps_failing in ERRORS[kind]
        ]
        writes = sum(calls for (below, _, kind), calls in counts.items() if (below, kind) == ("out", "write"))
        full_disk = (
            Fault("out", "*", "write", nth + 1, "ENOSPC", keeps_failing=True) for nth in range(writes)
        )
        return [*single, *full_disk]

    def counts(self) -> Counter[tuple[str, str, str]]:
        """Return how often (folder, pattern of a file's path, kind of call) occurs in an undisturbed run."""
        counts: Counter[tuple[str, str, str]] = Counter()
        for below in ("site", "out"):
            log = self.folder / "log"
            self.scan(Fault(below, "*", KINDS[0], 0), log)
            for line in log.read_text().splitlines():
                kind, _, path = line.split("\t")
                counts[below, as_pattern(path), KINDS[int(kind)]] += 1
        return counts

    def files(self) -> dict[str, bytes]:
        """Return the outputs that are there."""
        return {name: (self.out / name).read_bytes() for name in OUTPUTS if (self.out / name).exists()}

    def judge(self, fault: Fault) -> tuple[Done, Verdict]:
        """Scan while a call fails, then without a fault, and say what is wrong with that."""
        done = self.scan(fault)
        verdict = self._verdict(done)
        wrong = list(verdict.wrong)
        again = self.scan_again()
        if again.code or again.stderr or self.files() != self.whole:
            wrong.append("other bytes after the next run")
        elif self._listing() != self._names:
            wrong.append("files left behind")
        return done, Verdict(verdict.outcome, tuple(wrong))

    def _verdict(self, done: Done) -> Verdict:
        wrong = process_faults(done)
        files = self.files()
        if done.code == 3:
            return Verdict("unreadable", tuple(wrong + self._unreadable_faults(files)))
        if files != {name: self.whole[name] for name in files}:
            wrong.append("silent wrong answer" if done.code == 0 else "an output that is not whole")
        if done.code == 0 and set(files) != set(OUTPUTS):
            wrong.append("success without an output")
        return Verdict("same" if done.code == 0 else "sentence", tuple(wrong))

    def _unreadable_faults(self, files: dict[str, bytes]) -> list[str]:
        """Say what is wrong with outputs in which something is unreadable."""
        if set(files) != set(OUTPUTS):
            return ["success without an output"]
        wrong = row_faults(rows_in(self.whole[OUTPUTS[0]]), rows_in(files[OUTPUTS[0]]))
        other = self.folder / "converted"
        if self.convert(other).code or any((other / name).read_bytes() != files[name] for name in OUTPUTS):
            wrong.append("an output that is not whole")
        return wrong

    def _listing(self) -> list[str]:
        return sorted(path.name for path in self.out.iterdir())


def make_survey(site: Path) -> None:
    """Make two photos, one of them with a position and a crack, and a mosaic with a crack."""
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (47.0, 30.0, 0.0), 3: "E", 4: (8.0, 15.0, 0.0)})
    make_photo(site / "cracked.jpg", width=64, height=64, crack=True, exif=exif)
    make_photo(site / "plain.png", width=300, height=64)
    bands = np.moveaxis(pixels(448, 448), -1, 0).copy()
    bands[:, :224, :224] = CRACK_LEVEL
    make_mosaic(
        site / "deck.tif", bands=bands, tiled=True, blockxsize=128, blockysize=128, compress="deflate"
    )


def outputs(folder: Path) -> list[str]:
    """Return the options that ask for all outputs."""
    return [part for name in OUTPUTS for part in ("-o", str(folder / name))]


def as_pattern(path: str) -> str:
    """Return what matches a path whatever random names it has."""
    return re.sub(r"^#\d+", "#*", re.sub(r"\.[0-9a-f]{8}\.tmp", ".????????.tmp", path))


def process_faults(done: Done) -> list[str]:
    """Say what is wrong with how a process ended, and with what it reached."""
    return [CONNECTION] * bool(done.connections) + [PROGRAM] * bool(done.programs) + _end_faults(done)


def _end_faults(done: Done) -> list[str]:
    if done.hangs:
        return ["hangs"]
    if done.code < 0:
        return [f"killed by signal {-done.code}"]
    if "Traceback" in done.stderr:
        return ["traceback"]
    if done.code in {0, 3}:
        return ["more on stderr than a sentence"] * bool(done.stderr)
    if done.code not in {1, 2, 4}:
        return ["exit code without a meaning"]
    one_line = done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    return [] if one_line and done.stderr.endswith(".\n") else ["no sentence"]


def rows_in(table: bytes) -> list[Row]:
    """Return the rows of a CSV output."""
    return list(csv.DictReader(io.StringIO(table.decode(), newline="")))


def row_faults(right: list[Row], rows: list[Row]) -> list[str]:
    """Say what is wrong with rows that may be unreadable: those that are readable must be the right ones."""
    unreadable = [row for row in rows if row["status"] == "unreadable"]
    readable = [row for row in rows if row["status"] != "unreadable"]
    wrong = []
    if not all(row["reason"] for row in unreadable):
        wrong.append("unreadable without a reason")
    if any(row not in right for row in readable) or len(readable) != len({_window(row) for row in readable}):
        wrong.append("silent wrong answer")
    covered = set(map(_window, rows)) | set(_sources(unreadable))
    if any(_window(row) not in covered and (row["source"],) not in covered for row in right):
        wrong.append("lost row")
    return wrong


def _window(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in WINDOW)


def _sources(unreadable: list[Row]) -> Iterator[tuple[str]]:
    """Yield what is unreadable as a whole, and so needs no tiles."""
    return ((row["source"],) for row in unreadable if not row["col"])
