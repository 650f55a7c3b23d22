"""Run a command and say what it took: seconds, and the memory of it and of all processes that it starts."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

EVERY_SECONDS = 0.1
ROOT = Path(__file__).parents[2]


def crackscan(*arguments: object) -> dict[str, Any]:
    """Run a command of crackscan, and return its peak of resident memory in MB and more."""
    return measured([sys.executable, "-m", "crackscan", *map(str, arguments)])


def measured(command: list[str]) -> dict[str, Any]:
    """Run a command at the top of the clone; its resident memory is summed over all its processes."""
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    samples: list[int] = []
    sampling = threading.Thread(target=_sample, args=(process.pid, samples))
    sampling.start()
    _, said = process.communicate()
    sampling.join()
    middle = len(samples) // 2
    return {
        "exit_code": process.returncode,
        "seconds": round(time.monotonic() - began, 1),
        "peak_rss_mb": round(max(samples, default=0) / 1e6, 1),
        "peak_rss_mb_first_half": round(max(samples[:middle], default=0) / 1e6, 1),
        "said": said.splitlines()[-12:],
    }


def _sample(pid: int, samples: list[int]) -> None:
    try:
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            samples.append(sum(_resident(each) for each in (process, *process.children(recursive=True))))
            time.sleep(EVERY_SECONDS)
    except psutil.NoSuchProcess:
        return


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def show(findings: dict[str, Any]) -> None:
    """Print findings for a machine."""
    print(json.dumps(findings, indent=1))
