"""The option types of scans on a cluster, and the connection to it."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crackscan.commands.exits import usage_errors
from crackscan.commands.options import RUNNING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crackscan.basics.progress import Progress
    from crackscan.model.loading import Model
    from crackscan.scanning.executor import Runner

Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="auto|ray://HOST:10001",
        help="Judge on all nodes of this Ray cluster; auto is the one that this machine belongs to.",
        rich_help_panel=RUNNING,
    ),
]


def check_cluster(address: str | None, journal: Path | None) -> None:
    """Make sure that a scan can run on a cluster.

    Raises: BadParameter: the address is none; or there is no journal.
    """
    if address is None:
        return
    from crackscan.scanning.cluster.connection import check_address

    with usage_errors():
        check_address(address)
    if journal is None:
        raise typer.BadParameter(
            "--cluster needs a file output, because rows come in any order: add -o FILE."
        )


@contextmanager
def open_runner(
    address: str | None,
    folder: Path,
    model: "Model",
    *,
    batch: int | None,
    jobs: int | None,
    paths: tuple[str, ...],
    progress: "Progress",
) -> "Iterator[Runner | None]":
    """Connect to the cluster, if there is one; None stands for this machine's own threads.

    Args:
        address: of the cluster.
        folder: of the model.
        model: the same, opened.
        batch: tiles that TensorFlow judges at once.
        jobs: most workers on a node.
        paths: that the user named, which each node must reach.
        progress: gets sentences about nodes.

    Raises: MissingExtra, CrackscanError: as `scanning.cluster.runner.open_cluster`.
    """
    if address is None:
        yield None
        return
    from crackscan.scanning.cluster.crew import Job
    from crackscan.scanning.cluster.model_files import ModelFiles
    from crackscan.scanning.cluster.runner import open_cluster

    files = ModelFiles.read(folder, engine=model.engine, batch=batch)
    with open_cluster(address, Job(files, model.card.model_id, paths, jobs), progress.note) as runner:
        yield runner
