"""A scan that is killed at any moment loses nothing that it had recorded, and ends with the same files."""

import random
import shutil
import sys
import time
from pathlib import Path

import pytest
from makers import make_mosaic, make_photo
from stand_in import GROUP, process, work_id

from crackscan.basics.errors import CrackscanError
from crackscan.scanning.executor import IN_FLIGHT
from crackscan.scanning.journal_file import read_journal

JOBS = 2
SLOWLY = 0.004  # seconds that judging one Work takes: long enough to be hit
OUTPUTS = ("cracks.csv", "cracks.geojson", "cracks.gpkg", "cracks.parquet", "heat.tif")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")


class Survey:
    """A small survey, scanned by processes into one folder."""

    def __init__(self, folder: Path) -> None:
        self.site, self.out, self.log = folder / "site", folder / "out", folder / "judged"
        for number in range(21):
            make_photo(self.site / f"{number}.png", width=64, height=64, crack=number % 3 == 0)
        make_mosaic(self.site / "deck.tif", width=448, height=JOBS * GROUP * 224)  # for each worker a group

    def begin(self) -> None:
        """Delete the results of earlier scans."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()

    def scan(self, *, kill_after: float | None = None) -> bool:
        """Scan, maybe kill the process, and say whether it ended by itself."""
        self.log.write_text("")
        outputs = [part for name in OUTPUTS for part in ("-o", self.out / name)]
        arguments = ["scan", self.site, *outputs, "--jobs", JOBS, "--quiet"]
        scanning = process(arguments, judged=self.log, slowly=SLOWLY)
        scanning.join(kill_after)
        scanning.kill()
        scanning.join()
        assert scanning.exitcode in {0, -9}
        return scanning.exitcode == 0

    def judged(self) -> list[str]:
        """Return the Work that the last scan judged."""
        return self.log.read_text().splitlines()

    def kept(self) -> set[str]:
        """Return the Work in the journal, read from a copy: the original stays as the kill left it."""
        copy = self.out.with_name("copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.out, copy)
        try:
            with read_journal(copy / f"{OUTPUTS[0]}.journal") as journal:
                return {work_id(work) for work, _ in journal.results()}
        except CrackscanError:  # killed before there was one
            return set()

    def files(self) -> dict[str, bytes]:
        """Return the output files."""
        return {path.name: path.read_bytes() for name in OUTPUTS if (path := self.out / name).exists()}


@pytest.mark.parametrize("kills", [8, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_scans_resume_to_the_same_bytes(tmp_path: Path, kills: int) -> None:
    """After SIGKILLs at random moments no row is lost, no file is cut short, and little is judged twice."""
    chance = random.Random(kills)
    survey = Survey(tmp_path)
    survey.begin()
    survey.scan()  # the first one also starts the process that the others are forked from
    survey.begin()
    began = time.monotonic()
    assert survey.scan()
    takes = time.monotonic() - began
    whole, everything = survey.files(), set(survey.judged())
    assert len(everything) == 25
    assert len(whole) == len(OUTPUTS)

    survey.begin()
    kept: set[str] = set()
    killed = 0
    while killed < kills:
        ended = survey.scan(kill_after=chance.uniform(0, takes))
        judged = survey.judged()
        assert len(judged) == len(set(judged))
        assert not kept & set(judged)
        now = survey.kept()
        assert kept <= now
        assert len(set(judged) - now) <= IN_FLIGHT * JOBS * GROUP
        kept = now
        for name, content in survey.files().items():
            assert content == whole[name]
        if ended:
            assert survey.files() == whole
            assert kept == everything
            assert sorted(path.name for path in survey.out.iterdir()) == sorted(
                [*OUTPUTS, f"{OUTPUTS[0]}.journal"]
            )
            survey.begin()
            kept = set()
        killed += not ended
