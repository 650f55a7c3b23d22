"""Measure scans on a Ray cluster whose nodes, of one core each, run on this machine.

    python tests/benchmarks/cluster.py rate         one node, two nodes, two threads
    python tests/benchmarks/cluster.py driver       100,000 photos of one model of a few lines
    python tests/benchmarks/cluster.py kills        a node dies every 20 seconds for 5 minutes

The model of `rate` is the default one. All rows are compared with those of a scan by threads.
"""

import argparse
import json
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from many_photos import make_photos

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from cluster_nodes import Nodes, ray_nodes  # noqa: E402 - of the tests

PROGRAM, STAND_IN = ROOT / "crackscan" / "__main__.py", ROOT / "tests" / "cluster_nodes.py"
SAMPLE_SECONDS = 0.2


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["rate", "driver", "kills"])
    parser.add_argument("--photos", type=int, help="number of photos of 224 px")
    parser.add_argument("--seconds", type=float, default=300, help="how long nodes are killed")
    parser.add_argument("--every", type=float, default=20, help="seconds between two kills")
    arguments = parser.parse_args()
    arguments.photos = (
        arguments.photos or {"rate": 10_000, "driver": 100_000, "kills": 20_000}[arguments.what]
    )
    with TemporaryDirectory() as name:
        site = make_photos(Path(name), arguments.photos)
        measure = {"rate": rate, "driver": driver, "kills": kills}[arguments.what]
        print(json.dumps(measure(site, Path(name), arguments), indent=1))


def rate(site: Path, folder: Path, _: argparse.Namespace) -> dict[str, Any]:
    """Compare one node, two nodes and two threads."""
    figures = {"threads": by_threads(site, folder / "threads.csv", PROGRAM)}
    with ray_nodes("a") as nodes:
        figures["one node"] = on_cluster(nodes, site, folder / "one.csv", PROGRAM)
        nodes.add("b")
        figures["two nodes"] = on_cluster(nodes, site, folder / "two.csv", PROGRAM)
    return figures | {"same": same(folder, "threads.csv", "one.csv", "two.csv")}


def driver(site: Path, folder: Path, _: argparse.Namespace) -> dict[str, Any]:
    """Measure what each photo costs besides its judging, and the memory of the driver."""
    figures = {"threads": by_threads(site, folder / "threads.csv", STAND_IN)}
    with ray_nodes("a", "b") as nodes:
        figures["two nodes"] = on_cluster(nodes, site, folder / "two.csv", STAND_IN)
    return figures | {"same": same(folder, "threads.csv", "two.csv")}


def kills(site: Path, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Kill a node again and again, and start another one for it."""
    by_threads(site, folder / "threads.csv", STAND_IN)
    ends = time.monotonic() + arguments.seconds
    killed = 0
    with ray_nodes("head", "node-0", SLOWLY=str(2 * arguments.seconds / arguments.photos)) as nodes:
        scanning = nodes.start_scan(site, "-o", folder / "kills.csv", script=str(STAND_IN))
        while scanning.poll() is None and time.monotonic() < ends:
            time.sleep(arguments.every)
            nodes.kill(f"node-{killed}")
            killed += 1
            nodes.add(f"node-{killed}")
        _, said = scanning.communicate()
    found = same(folder, "threads.csv", "kills.csv")
    return {"killed": killed, "code": scanning.returncode, "same": found, "said": said.splitlines()[-5:]}


def by_threads(site: Path, out: Path, program: Path) -> dict[str, float]:
    """Scan with two threads of one process."""
    command = [sys.executable, program, "scan", site, "-o", out, "--jobs", 2, "--quiet"]
    return watched(subprocess.Popen(list(map(str, command)), cwd=ROOT), out)


def on_cluster(nodes: Nodes, site: Path, out: Path, program: Path) -> dict[str, float]:
    """Scan on all nodes."""
    return watched(nodes.start_scan(site, "-o", out, "--quiet", script=str(program)), out)


def watched(process: "subprocess.Popen[Any]", out: Path) -> dict[str, float]:
    """Return the figures of a scan.

    The rate, and the processor time of a Work by the scan itself, by its workers and by Ray's own processes,
    are those between a tenth and nine tenths of the Work: starts and the output are left out.
    """
    processes, samples, most = Processes(process.pid), [], 0.0
    began = time.monotonic()
    while process.poll() is None:
        most = max(most, processes.scan_bytes())
        samples.append((work_done(out), time.monotonic(), *processes.cpu_seconds()))
        time.sleep(SAMPLE_SECONDS)
    process.communicate()
    whole = samples[-1][0]
    first, *_, last = [sample for sample in samples if 0.1 <= sample[0] / max(1, whole) <= 0.9]
    done, seconds, scan, workers, ray = (after - before for before, after in zip(first, last, strict=True))
    return {
        "code": process.returncode,
        "seconds": time.monotonic() - began,
        "works_per_second": done / seconds,
        "scan_ms_per_work": 1000 * scan / done,
        "workers_ms_per_work": 1000 * workers / done,
        "ray_ms_per_work": 1000 * ray / done,
        "ray_cores": ray / seconds,
        "rss_mb": most / 1e6,
    }


class Processes:
    """The processes that this program has started, and one of them that is a scan."""

    def __init__(self, pid: int) -> None:
        self._scan = psutil.Process(pid)
        self._seconds: dict[str, dict[int, float]] = {"scan": {}, "workers": {}, "ray": {}}

    def cpu_seconds(self) -> list[float]:
        """Return the processor time so far of the scan, of its workers and of Ray's own processes."""
        for each in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                worker = "workers" if each.name().startswith("ray::Worker") else "ray"
                kind = "scan" if each == self._scan else worker
                self._seconds[kind][each.pid] = sum(each.cpu_times()[:2])
        return [sum(by_process.values()) for by_process in self._seconds.values()]

    def scan_bytes(self) -> float:
        """Return the memory that the scan has by itself."""
        with suppress(psutil.Error):
            return float(self._scan.memory_info().rss)
        return 0.0


def work_done(out: Path) -> int:
    """Return how much Work is in the journal of a scan."""
    try:
        with closing(sqlite3.connect(f"file:{out}.journal?mode=ro", uri=True)) as journal:
            return int(journal.execute("SELECT count(*) FROM done").fetchone()[0])
    except sqlite3.Error:  # it is not there yet
        return 0


def same(folder: Path, *names: str) -> bool:
    """Say whether files have the same bytes."""
    return len({(folder / name).read_bytes() for name in names}) == 1


if __name__ == "__main__":
    main()
