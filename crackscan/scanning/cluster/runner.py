"""The runner of a cluster: hands Work to workers, and judges again what dying workers had."""

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from crackscan.basics.records import RowOptions, Work
from crackscan.scanning.cluster.connection import connected
from crackscan.scanning.cluster.crew import LOOK_SECONDS, Crew, Job, Node, NodeWorker
from crackscan.scanning.executor import Group, WorkRows, groups_of
from crackscan.scanning.inference import with_model
from crackscan.scanning.rows import unreadable_rows

# Deaths at one Work after which it is unreadable. A node mostly dies for other reasons than its Work.
TRIES = {"process": 3, "node": 10}


class Sent(NamedTuple):
    """A group that a worker has."""

    worker: NodeWorker
    group: Group
    slots: int


class ClusterRunner:
    """Judges Work on all nodes of a cluster; an `executor.Runner`. Rows come as they are ready.

    At most `crew.SLOTS` groups for each worker are judged and not yet yielded.
    """

    def __init__(self, ray: Any, crew: Crew, model_id: str) -> None:
        self._ray, self._crew, self._model_id = ray, crew, model_id

    @property
    def figures(self) -> dict[str, float]:
        """The number of nodes that judge Work."""
        return {"nodes": self._crew.node_count}

    def run_in_groups(
        self, works: Iterable[Work], options: RowOptions
    ) -> Generator[list[WorkRows], None, None]:
        """Judge Work, and yield its rows without labels, in groups, in the order in which they are ready.

        Raises:
            CrackscanError: no node can judge anything; or as judging on this machine.
        """
        run = _Run(groups_of(works, jobs=1))
        while True:
            self._crew.refresh()
            self._hand_out(run, options)
            if not run.sent and not run.queue:
                return
            for answer in self._ready(run):
                if answer not in run.sent:
                    self._crew.settle_start(answer)
                elif judged := self._judged(run, answer):
                    yield judged

    def _hand_out(self, run: "_Run", options: RowOptions) -> None:
        while group := run.first():
            alone = run.is_suspect(group)
            worker = self._crew.free_worker(alone=alone)
            if worker is None:
                return
            run.queue.popleft()
            before = worker.busy
            answer = self._crew.judge(worker, group, options, alone=alone)
            run.sent[answer] = Sent(worker, group, worker.busy - before)

    def _ready(self, run: "_Run") -> list[Any]:
        """Wait for answers, and return all that are there."""
        answers = [*run.sent, *self._crew.starting]
        if not answers:  # no node is there at the moment
            time.sleep(LOOK_SECONDS / 4)
            return []
        first, _ = self._ray.wait(answers, num_returns=1, timeout=LOOK_SECONDS)
        if not first:
            return []
        ready: list[Any] = self._ray.wait(answers, num_returns=len(answers), timeout=0)[0]
        return ready

    def _judged(self, run: "_Run", answer: Any) -> list[WorkRows]:
        """Return the rows of a group; those of Work that is judged again come later."""
        worker, group, slots = run.sent.pop(answer)
        errors = self._ray.exceptions
        try:
            rows, lost = self._ray.get(answer)
        except errors.RayTaskError as error:
            error.cause.add_note(f"This happened on node {worker.node.name}.")
            raise error.cause from None
        except errors.RayError as error:  # the worker died, or its node, or what it had sent is lost
            self._crew.bury(worker)
            if worker.node.refused:  # it was ended with its node's other workers
                run.queue.appendleft(group)
                return []
            died = isinstance(error, (errors.ActorDiedError, errors.OutOfMemoryError))
            what = "process" if died and self._crew.is_alive(worker.node) else "node"
            return self._judge_again(run, group, what, worker.node)
        worker.busy -= slots
        if lost is not None and os.path.lexists(lost):
            self._crew.refuse(worker.node, f"it cannot reach {lost}; mount it there under the same path")
            run.queue.appendleft(group)
            return []
        run.forget(group)
        return list(zip(group, rows, strict=True))

    def _judge_again(self, run: "_Run", group: Group, what: str, node: Node) -> list[WorkRows]:
        """Queue the Work of a dead worker, each alone; return rows of Work at which workers always die.

        what: died, "process" or "node".
        """
        reason = f"the {what} that judged it died {TRIES[what]} times, the last time on node {node.name}"
        return [
            (work, [with_model(row, work, self._model_id) for row in unreadable_rows(work, reason)])
            for work in run.retry(group, what)
        ]


class _Run:
    """What is left of a scan: Work in the order of the plan, and Work at which workers died."""

    def __init__(self, groups: Iterator[Group]) -> None:
        self._groups = groups
        self._deaths: dict[Work, Counter[str]] = {}  # processes and nodes that died at it
        self.queue: deque[Group] = deque()
        self.sent: dict[Any, Sent] = {}

    def first(self) -> Group | None:
        """Return the next group, which stays in the queue."""
        if not self.queue and (group := next(self._groups, None)):
            self.queue.append(group)
        return self.queue[0] if self.queue else None

    def is_suspect(self, group: Group) -> bool:
        """Say whether a worker died at it; it is then judged by a worker that has nothing else."""
        return group[0] in self._deaths

    def forget(self, group: Group) -> None:
        """Clear judged Work of suspicion."""
        for work in group if self._deaths else ():
            self._deaths.pop(work, None)

    def retry(self, group: Group, what: str) -> list[Work]:
        """Queue the Work of a worker that died, each alone; return that at which too many have died."""
        given_up = []
        for work in reversed(group):
            deaths = self._deaths.setdefault(work, Counter())
            deaths[what] += 1
            if deaths[what] < TRIES[what]:
                self.queue.appendleft([work])
            else:
                del self._deaths[work]
                given_up.append(work)
        return given_up


@contextmanager
def open_cluster(address: str, job: Job, note: Callable[[str], None]) -> Iterator[ClusterRunner]:
    """Connect to a Ray cluster for a scan.

    Args:
        address: "auto" for a cluster that this machine belongs to, "HOST:6379", or "ray://HOST:10001".
        job: what the workers need.
        note: gets sentences for a person.

    Raises:
        MissingExtra: Ray is not installed.
        CrackscanError: there is no such cluster.
    """
    with connected(address) as ray:
        yield ClusterRunner(ray, Crew(ray, job, note), job.model_id)
