"""Run a command and measure its time and memory, including all processes that it starts."""

import json
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

SAMPLE_SECONDS = 0.1
ROOT = Path(__file__).parents[2]


def crackscan(*arguments: object) -> dict[str, Any]:
    """Run a command of crackscan, and return its times, peak resident memory in MB and last messages."""
    return measure([sys.executable, "-m", "crackscan", *map(str, arguments)])


def measure(command: list[str]) -> dict[str, Any]:
    """Run a command in the repository; resident memory is the sum over its processes."""
    started, used = time.monotonic(), _processor_seconds()
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    samples: list[int] = []
    sampling = threading.Thread(target=_sample, args=(process.pid, samples))
    sampling.start()
    _, stderr = process.communicate()
    sampling.join()
    middle = len(samples) // 2
    return {
        "exit_code": process.returncode,
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(_processor_seconds() - used, 1),
        "peak_rss_mb": round(max(samples, default=0) / 1e6, 1),
        "peak_rss_mb_first_half": round(max(samples[:middle], default=0) / 1e6, 1),
        "stderr": stderr.splitlines()[-12:],
    }


def _processor_seconds() -> float:
    """Return the processor time of all processes that have ended, of the user and of the system."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _sample(pid: int, samples: list[int]) -> None:
    try:
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            samples.append(sum(_resident(part) for part in (process, *process.children(recursive=True))))
            time.sleep(SAMPLE_SECONDS)
    except psutil.NoSuchProcess:
        return


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def show(figures: dict[str, Any]) -> None:
    """Print figures as JSON."""
    print(json.dumps(figures, indent=1))
