"""Nodes of a Ray cluster on this machine, and scans on it with a model of a few lines.

As a program it is the command line with that model: `cluster_nodes.py scan SITE ... --cluster ADDRESS`.
The model takes SLOWLY seconds a tile, and kills its process at a tile of the brightness DEADLY.
"""

import inspect
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
from makers import DarkMeansCrack
from numpy.typing import NDArray
from stand_in import CARD

from crackscan.cli import main
from crackscan.model import loading
from crackscan.model.predictions import Predictions
from crackscan.scanning.cluster import model_files

TESTS = Path(__file__).parent
STORE_BYTES = 100 * 2**20
START_SECONDS = 300  # a loaded machine starts a node slowly
NO_PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port")  # Ray's Core has none
PATIENCE = {  # Ray's own limits are too short for a loaded machine
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_worker_register_timeout_seconds": "300",
    "RAY_USAGE_STATS_ENABLED": "0",
}


class Deadly(DarkMeansCrack):
    """A stand-in that may be slow, or kill its process."""

    def predict(self, tiles: NDArray[np.uint8], stride_cells: int = 1) -> Predictions:
        """Judge tiles as DarkMeansCrack does, unless one is deadly."""
        deadly = float(os.environ.get("DEADLY", "-inf"))
        if any(abs(tile.mean() - deadly) < 5 for tile in tiles):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(float(os.environ.get("SLOWLY", "0")) * len(tiles))
        return super().predict(tiles, stride_cells)


@dataclass(frozen=True)
class StandInFiles:
    """A model without files, which is opened on the nodes."""

    engine: str = "litert"
    model: str = CARD.model_id

    def open(self) -> SimpleNamespace:
        """Return the stand-in for the model."""
        return SimpleNamespace(classifier=lambda: Deadly(self.model))


class Nodes:
    """A cluster of nodes with one core each."""

    def __init__(self, env: dict[str, str]) -> None:
        from ray.cluster_utils import Cluster

        self._env = env
        self.cluster = Cluster()
        self._nodes: dict[str, Any] = {}

    def add(self, name: str, *, cores: int = 1, **env: str) -> None:
        """Start a node, whose processes get these variables."""
        head = {} if self._nodes else {"include_dashboard": False}
        self._nodes[name] = self.cluster.add_node(
            num_cpus=cores,
            object_store_memory=STORE_BYTES,
            node_name=name,
            env_vars=self._env | env,
            runtime_env_agent_port=free_port(),
            **head,
        )

    def kill(self, name: str) -> None:
        """Kill all processes of a node."""
        self.cluster.remove_node(self._nodes.pop(name), allow_graceful=False)

    def start_scan(self, *arguments: object, script: str = __file__) -> "subprocess.Popen[str]":
        """Start a scan on the cluster in a process of its own."""
        command = [sys.executable, script, "scan", *arguments, "--cluster", self.cluster.address]
        environment = os.environ | self._env
        return subprocess.Popen(
            list(map(str, command)), stderr=subprocess.PIPE, text=True, env=environment, cwd=TESTS.parent
        )

    def scan(self, *arguments: object, script: str = __file__) -> tuple[int, str]:
        """Scan on the cluster; return the exit code and what was said."""
        with self.start_scan(*arguments, script=script) as scanning:
            try:
                _, said = scanning.communicate(timeout=START_SECONDS)
            finally:
                scanning.kill()
        return scanning.returncode, said


def free_port() -> int:
    """Return a port that nothing uses."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


@contextmanager
def patience() -> Iterator[None]:
    """Let nodes take long to start, where Ray has limits of 15 and 30 s that cannot be set."""
    from ray._private import services

    start_node, find_node = services.start_raylet, services.get_node
    parameters = inspect.signature(start_node)

    def start(*arguments: Any, **named: Any) -> Any:
        given = parameters.bind(*arguments, **named).arguments
        for port in NO_PORTS:  # the node would wait for them
            Path(given["session_dir"], f"{port}_{given['node_id']}").write_text("-1")
        return start_node(*arguments, **named)

    def find(*arguments: Any) -> Any:
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                return find_node(*arguments)
            except RuntimeError:
                if time.monotonic() > end:
                    raise

    limits = mock.patch.multiple(services, start_raylet=start, get_node=find)
    with limits, mock.patch.dict(os.environ, PATIENCE):
        yield


@contextmanager
def ray_nodes(*names: str, **env: str) -> Iterator[Nodes]:
    """Start a cluster, and stop it; env: variables of all nodes."""
    with patience():
        nodes = Nodes({"PYTHONPATH": str(TESTS)} | PATIENCE | env)
        try:
            for name in names:
                nodes.add(name)
            yield nodes
        finally:
            nodes.cluster.shutdown()


def run(*arguments: str) -> None:
    """Run the command line with the stand-in."""
    sys.argv[1:] = arguments  # Ray gives the folder of the program to the workers
    loading.find_model = lambda _: Path()
    loading.Model.load = lambda *_, **__: SimpleNamespace(
        card=CARD, classifier=DarkMeansCrack, engine="litert"
    )
    model_files.ModelFiles.read = lambda *_, **__: StandInFiles()
    main()


if __name__ == "__main__":
    run(*sys.argv[1:])
