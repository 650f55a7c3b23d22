"""The command line as a separate process that records the processor time of each Work, and peak memory.

Arguments: the file for these records, then those of crackscan.
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


def infer_timed(works: Sequence[Work], classifier: Classifier, options: RowOptions) -> Iterator[list[Result]]:
    """Infer one Work at a time, and record its processor time, which does not depend on other programs."""
    for work in works:
        started = time.thread_time()
        try:
            yield from _infer_each([work], classifier, options)
        finally:
            with RECORDS.open("a") as file:
                file.write(f"{time.thread_time() - started:.3f} {work.source}\n")


if __name__ == "__main__":
    RECORDS = Path(sys.argv[1])
    stand_in._infer_each = infer_timed
    try:
        stand_in.run(*sys.argv[2:])
    finally:
        with RECORDS.open("a") as file:
            file.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024} peak\n")
