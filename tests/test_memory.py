"""Resident memory does not grow with the work; `tests/benchmarks` measures it at full size."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import stand_in
from makers import make_mosaic, make_photo

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

MB = 1_000_000
# A process of its own says how much memory it held at most; getrusage would count its parent's, too.
PEAK = (
    "import runpy, sys; del sys.argv[0]\n"
    "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
    "finally: print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
)


def peak_memory(site: Path) -> int:
    """Return the peak memory in bytes of a scan of a folder with two workers."""
    command = [sys.executable, "-c", PEAK, stand_in.__file__, "scan", site, "-o", site.with_suffix(".csv")]
    # a small cache is full soon, and what grows after that is no cache
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "GDAL_CACHEMAX": "16"}
    done = subprocess.run([*command, "--jobs", "2"], capture_output=True, text=True, check=True, env=env)
    return int(done.stdout.split()[-1]) * 1024


def test_four_times_the_photos_take_no_more_memory(tmp_path: Path) -> None:
    """The plan and the results are on disk."""
    peaks = []
    for count in (1000, 4000):
        site = tmp_path / str(count)
        first = make_photo(site / "0.png", width=64, height=64)
        for number in range(1, count):
            os.link(first, site / f"{number}.png")
        peaks.append(peak_memory(site))
    assert peaks[1] - peaks[0] < 12 * MB


def test_three_times_the_mosaic_takes_no_more_memory(tmp_path: Path) -> None:
    """A mosaic is read band by band, and finished bands are freed: of 120 MB more pixels few stay."""
    peaks = []
    for bands in (20, 60):
        make_mosaic(tmp_path / str(bands) / "m.tif", width=4480, height=bands * 224, tiled=True)
        peaks.append(peak_memory(tmp_path / str(bands)))
    assert peaks[1] - peaks[0] < 30 * MB
