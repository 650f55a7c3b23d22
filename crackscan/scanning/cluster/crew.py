"""The nodes of a cluster, and the workers on them: who may work, who has died, who is free."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import crackscan
from crackscan.basics.errors import CrackscanError
from crackscan.basics.records import RowOptions, Work
from crackscan.scanning.cluster.model_files import ModelFiles
from crackscan.scanning.cluster.worker import Worker
from crackscan.scanning.workers import BATCHING, FILLING

SLOTS = 2  # groups that a worker has: one that it judges and one that waits, to hide the way of the results
LOOK_SECONDS = 2.0  # between two looks at which nodes there are
PATIENCE_SECONDS = 300.0  # without any worker; new nodes may take minutes to start
Look = tuple[str | None, str | None, str | None]  # version, and what `worker.find_unreached` returns
STARTS = 3  # failed starts of workers in a row, after which a node gets no more


@dataclass(slots=True, eq=False)
class Node:
    """A machine of the cluster."""

    id: str
    name: str
    strategy: Any  # that puts a task on this node
    workers_wanted: int
    threads: int  # of each worker
    gpu: bool
    refused: str | None = None  # why it gets no Work
    accepted: bool = False
    workers: "list[NodeWorker]" = field(default_factory=list)
    starting: int = 0
    failed_starts: int = 0


@dataclass(slots=True, eq=False)
class NodeWorker:
    """A worker that has opened the model."""

    node: Node
    actor: Any
    busy: int = 0  # slots

    @property
    def slots(self) -> int:
        """How many groups it may have at once."""
        return self.node.threads + SLOTS - 1


@dataclass(frozen=True, slots=True)
class Job:
    """What the workers need for a scan."""

    model: ModelFiles
    model_id: str
    paths: tuple[str, ...] = ()  # that the user named, which each node must reach
    most_workers: int | None = None  # on each node


class Crew:
    """All nodes and workers; `refresh` it often."""

    def __init__(self, ray: Any, job: Job, note: Callable[[str], None]) -> None:
        """Look at the nodes; `note` gets sentences about those that get no Work."""
        self._ray, self._job, self._note = ray, job, note
        self._model = ray.put(job.model)  # each node fetches it once
        self._worker = ray.remote(Worker)
        self._nodes: dict[str, Node] = {}
        self._looked = -LOOK_SECONDS
        self._had_worker = time.monotonic()
        self.starting: dict[Any, Callable[[Any], None]] = {}  # reference: what to do with its answer

    @property
    def workers(self) -> Iterator[NodeWorker]:
        """The workers that can be given Work."""
        return (worker for node in self._nodes.values() for worker in node.workers)

    @property
    def node_count(self) -> int:
        """The number of nodes that judge Work."""
        return sum(bool(node.workers) for node in self._nodes.values())

    def free_worker(self, *, alone: bool) -> NodeWorker | None:
        """Return a worker that can take a group; alone: one that has no other."""
        worker = min(self.workers, key=lambda worker: worker.busy / worker.slots, default=None)
        free = worker is not None and worker.busy < (1 if alone else worker.slots)
        return worker if free else None

    def judge(self, worker: NodeWorker, works: Sequence[Work], options: RowOptions, *, alone: bool) -> Any:
        """Send Work to a worker, and return the reference of `worker.Judged`."""
        worker.busy += worker.slots if alone else 1
        return worker.actor.judge.remote(works, options)

    def refresh(self) -> None:
        """Notice nodes that came or went, and start workers where some are wanted.

        Raises: CrackscanError: there is nobody to judge Work, and no hope for anybody.
        """
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        alive = self._alive()
        for node_id in self._nodes.keys() - alive.keys():
            node = self._nodes.pop(node_id)
            if node.accepted and not node.refused:
                self._note(f"Node {node.name} is gone; what it had is judged by others.")
        for node_id in alive.keys() - self._nodes.keys():
            self._greet(node_id, alive[node_id])
        for node in self._nodes.values():
            self._start_workers(node)
        self._check_hope(now)

    def is_alive(self, node: Node) -> bool:
        """Say whether a node is still part of the cluster."""
        return node.id in self._alive()

    def bury(self, worker: NodeWorker) -> None:
        """Forget a worker that has died; its node gets another one, if it is still there."""
        if worker in worker.node.workers:
            worker.node.workers.remove(worker)
            self._looked = -LOOK_SECONDS

    def refuse(self, node: Node, why: str) -> None:
        """Give a node no more Work."""
        if node.refused is None:
            node.refused = why
            self._note(f"Node {node.name} gets no work: {why}.")
        for worker in node.workers:
            self._ray.kill(worker.actor)
        node.workers.clear()

    def _alive(self) -> dict[str, dict[str, Any]]:
        return {entry["NodeID"]: entry for entry in self._ray.nodes() if entry["Alive"]}

    def _greet(self, node_id: str, entry: dict[str, Any]) -> None:
        """Ask a new node for its version of crackscan, and whether it reaches the files."""
        node = self._nodes[node_id] = self._node(node_id, entry)
        if not node.workers_wanted:
            node.refused = "Ray may use none of its cores"
            return
        look = self._ray.remote(_make_look()).options(
            num_cpus=0, max_retries=0, scheduling_strategy=node.strategy
        )
        answer = look.remote(crackscan.__version__, os.getcwd(), self._job.paths)  # noqa: PTH109 - any bytes
        self.starting[answer] = partial(self._meet, node)

    def _node(self, node_id: str, entry: dict[str, Any]) -> Node:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        strategy = NodeAffinitySchedulingStrategy(node_id, soft=False)
        cores, gpus = (int(entry["Resources"].get(name, 0)) for name in ("CPU", "GPU"))
        most = self._job.most_workers or cores
        if self._job.model.engine == BATCHING:  # one network, whose batches many threads fill
            wanted, threads = min(gpus or 1, cores, most), max(FILLING, cores)
        else:
            wanted, threads = min(cores, most), 1
        own_name, address = entry.get("NodeName"), entry["NodeManagerAddress"]
        name = own_name if own_name and own_name != address else entry.get("NodeManagerHostname") or address
        return Node(
            node_id, name, strategy, wanted, threads, gpu=gpus > 0 and self._job.model.engine == BATCHING
        )

    def _meet(self, node: Node, answer: Any) -> None:
        version, missing, why = self._ray.get(answer)
        if version is None:
            self.refuse(node, f"crackscan is not installed there; install crackscan {crackscan.__version__}")
        elif version != crackscan.__version__:
            self.refuse(node, f"it has crackscan {version}, and this machine {crackscan.__version__}")
        elif why is not None:
            self.refuse(node, f"it cannot reach {missing}: {why}")
        elif missing is not None:
            self.refuse(node, f"it cannot reach {missing}; mount it there under the same path")
        else:
            node.accepted = True
            self._start_workers(node)

    def _start_workers(self, node: Node) -> None:
        while node.accepted and not node.refused and len(node.workers) + node.starting < node.workers_wanted:
            actor = self._worker.options(
                num_cpus=1,
                num_gpus=int(node.gpu),
                max_concurrency=node.threads,
                scheduling_strategy=node.strategy,
            ).remote(os.getcwd())  # noqa: PTH109 - any bytes
            node.starting += 1
            self.starting[actor.start.remote(self._model)] = partial(self._welcome, node, actor)

    def _welcome(self, node: Node, actor: Any, answer: Any) -> None:
        node.starting -= 1
        try:
            model = self._ray.get(answer)
        except self._ray.exceptions.RayTaskError as error:
            self.refuse(node, str(error.cause).rstrip("."))
            return
        except self._ray.exceptions.RayError:
            node.failed_starts += 1
            if node.failed_starts >= STARTS:
                self.refuse(node, f"its workers died {STARTS} times while they started, perhaps for memory")
            return
        if model != self._job.model_id:
            self.refuse(node, f"it has the model {model}, and this machine {self._job.model_id}")
        elif not node.refused:
            node.failed_starts = 0
            node.workers.append(NodeWorker(node, actor))
            self._had_worker = time.monotonic()

    def settle_start(self, answer: Any) -> None:
        """Take the answer of a node or a worker that starts; a node that has gone meanwhile gives none."""
        react = self.starting.pop(answer)
        try:
            react(answer)
        except self._ray.exceptions.RayError:
            self._looked = -LOOK_SECONDS

    def _check_hope(self, now: float) -> None:
        if any(self.workers):
            self._had_worker = now
            return
        refused = [node for node in self._nodes.values() if node.refused]
        if refused and len(refused) == len(self._nodes) and any(node.workers_wanted for node in refused):
            reasons = "; ".join(f"{node.name}: {node.refused}" for node in refused)
            raise CrackscanError(f"--cluster: no node can judge anything ({reasons}).")
        if now - self._had_worker > PATIENCE_SECONDS:
            raise CrackscanError(
                f"--cluster: for {PATIENCE_SECONDS / 60:.0f} minutes no node had a free core for this scan; "
                "look at ray status."
            )


def _make_look() -> Callable[[str, str, tuple[str, ...]], Look]:
    """Return a function that travels as code, so that it runs where crackscan is another or missing."""

    def look(own_version: str, folder: str, paths: tuple[str, ...]) -> Look:
        try:
            from crackscan import __version__
        except ImportError:
            return None, None, None
        if __version__ != own_version:
            return __version__, None, None
        from crackscan.scanning.cluster.worker import find_unreached

        return __version__, *find_unreached(folder, paths)

    return look
