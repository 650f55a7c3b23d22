"""The command line as a process of its own that writes down how long each Work computed, and its memory.

Arguments: the file for these notes, then those of crackscan.
"""

import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import stand_in

from crackscan.basics.records import Result, RowOptions, Work
from crackscan.model.predictions import Classifier

_infer_each = stand_in._infer_each


def timed(works: Sequence[Work], by: Classifier, options: RowOptions) -> Iterator[list[Result]]:
    """Judge one by one, and note the processor's seconds: a loaded machine is no fault of a file."""
    for work in works:
        began = time.thread_time()
        try:
            yield from _infer_each([work], by, options)
        finally:
            with NOTES.open("a") as file:
                file.write(f"{time.thread_time() - began:.3f} {work.source}\n")


if __name__ == "__main__":
    NOTES = Path(sys.argv[1])
    stand_in._infer_each = timed
    try:
        stand_in.run(*sys.argv[2:])
    finally:
        with NOTES.open("a") as file:
            file.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024} peak\n")
