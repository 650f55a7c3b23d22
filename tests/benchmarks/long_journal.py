"""Plan, record and write a million photos without a model: `python tests/benchmarks/long_journal.py`."""

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from measuring import show

from crackscan.basics.records import Result, RowOptions, ScanOptions, TileOptions, Work
from crackscan.scanning.executor import GROUP
from crackscan.scanning.journal import Journal
from crackscan.scanning.journal_file import open_journal
from crackscan.scanning.run import write_targets
from crackscan.scanning.run_settings import RunSettings

OPTIONS = ScanOptions(TileOptions(224), RowOptions(0.5))


def planned_works(count: int) -> Iterator[Work]:
    """Yield the Work of photos that do not exist."""
    for number in range(count):
        name = f"flight-{number // 10_000}/DJI_{number:08}.jpg"
        yield Work(name, f"/nowhere/{name}", "photo", OPTIONS.tiles)


def record_all(journal: Journal) -> None:
    """Record a row for each Work."""
    works = journal.works()
    while group := list(islice(works, GROUP)):
        journal.record(
            (
                work,
                [Result(source=work.source, kind="photo", status="ok", label="no-crack", probability=0.01)],
            )
            for work in group
        )


def main() -> None:
    """Fill and write a journal, and print the time and peak memory of each step."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--works", type=int, default=1_000_000)
    works = options.parse_args().works
    steps: dict[str, dict[str, float]] = {}

    def step(name: str, run: Callable[[], object]) -> None:
        started = time.monotonic()
        run()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        steps[name] = {"seconds": round(time.monotonic() - started, 1), "peak_rss_mb": round(peak, 1)}

    step("start", lambda: None)
    with TemporaryDirectory() as folder:
        journal_path, out = Path(folder, "o.csv.journal"), Path(folder, "o.csv")
        with open_journal(journal_path, RunSettings("none@00000000", "litert", OPTIONS)) as journal:
            step("plan", lambda: journal.plan(planned_works(works)))
            step("record", lambda: record_all(journal))
            step("write", lambda: write_targets(journal, {out: "csv"}, OPTIONS))
            step("plan again", lambda: journal.plan(planned_works(works)))
            step("count what is left", lambda: journal.pending)
        size = round(journal_path.stat().st_size / 1e6, 1)
    show({"benchmark": "long_journal", "works": works, "steps": steps, "journal_mb": size})


if __name__ == "__main__":
    main()
