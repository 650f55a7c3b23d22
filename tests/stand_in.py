"""The command line in its own process, with a model of three lines, so that tests can kill and stop it.

Each judged Work adds a line to the file in JUDGED; SLOWLY is the number of seconds that it takes.
"""

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace

from makers import DarkMeansCrack, scan_options

from crackscan.basics.records import Engine, Result, RowOptions, Work
from crackscan.basics.run_facts import ModelFigures, ThresholdFigures
from crackscan.cli import main
from crackscan.model import loading
from crackscan.model.predictions import Classifier
from crackscan.scanning import executor

CARD = SimpleNamespace(
    scan_options=scan_options(),
    threshold=0.5,
    model_id="dark@00000000",
    found_from_px=lambda _: None,
    has_dense_inference=True,
    has_lines=True,
    figures=ModelFigures((ThresholdFigures(0.1, 1.0, 100.0), ThresholdFigures(0.9, 0.5, 0.0))),
)

GROUP = 2  # small photos at once: a survey of few has several groups
SINKS = [f"crackscan.sinks.{name}" for name in ("geopackage", "geoparquet", "heatmap")]


def load(*_: object, engine: Engine | None = None, **__: object) -> SimpleNamespace:
    """Return the model of three lines instead of `Model.load`'s."""
    return SimpleNamespace(card=CARD, classifier=DarkMeansCrack, engine=engine or "litert")


MODEL = load()
_infer_each = executor.infer_each


def work_id(work: Work) -> str:
    """Return a Work as a line of the file of judged Work."""
    return f"{work.source} {work.window and work.window.row}"


def logged(works: Sequence[Work], judge_by: Classifier, options: RowOptions) -> Iterator[list[Result]]:
    """Judge, and write a line for each Work."""
    for work, rows in zip(works, _infer_each(works, judge_by, options), strict=True):
        if "JUDGED" in os.environ:
            with Path(os.environ["JUDGED"]).open("a") as file:
                file.write(work_id(work) + "\n")
        time.sleep(float(os.environ.get("SLOWLY", "0")))
        yield rows


def run(*arguments: str) -> None:
    """Run the command line in this process."""
    sys.argv = ["crackscan", *arguments]
    loading.find_model = lambda _: Path()
    loading.Model.load = load
    executor.infer_each = logged
    executor.GROUP = GROUP
    main()


def process(arguments: list[object], *, judged: Path, slowly: float = 0.0) -> BaseProcess:
    """Start a scan as a process; it is forked from one that has imported all modules, which is fast."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(
        ["__main__", "crackscan.scanning.run", "crackscan.scanning.journal_file", *SINKS]
    )
    started = forks.Process(target=_as_process, args=(list(map(str, arguments)), str(judged), str(slowly)))
    started.start()
    return started


def _as_process(arguments: list[str], judged: str, slowly: str) -> None:
    os.environ.update(JUDGED=judged, SLOWLY=slowly)
    run(*arguments)


if __name__ == "__main__":
    run(*sys.argv[1:])
