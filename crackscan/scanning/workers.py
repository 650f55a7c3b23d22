"""Number of threads that suits the machine and the engine."""

import os
from typing import TYPE_CHECKING

from crackscan.basics.records import Engine

if TYPE_CHECKING:
    from crackscan.model.loading import Model

BATCHING: Engine = "tensorflow"  # the engine whose workers share batches

# Least number of workers of that engine. They wait while a batch of their tiles is judged, so a batch of 32
# fills only if there are more workers than cores: two workers bring two tiles of photos with one tile each.
FILLING = 16

# Workers of other engines besides one for each core. While one waits for another, or for the disk, a core
# would be idle. On two cores three workers took 0.94 of the time of two; a fourth did not help.
SPARE = 1


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers(jobs: int | None, model: "Model") -> int:
    """Return `jobs`, or without it the number of threads that suits the machine and the engine."""
    return jobs or (max(cores(), FILLING) if model.engine == BATCHING else cores() + SPARE)
