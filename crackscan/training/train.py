"""From split examples to a model folder: the steps of `crackscan train`."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from crackscan.basics.errors import BadData, CrackscanError
from crackscan.dataset.records import Split
from crackscan.dataset.splitting import SplitData
from crackscan.model.card import Card
from crackscan.model.network import FEATURES, build_network, import_keras
from crackscan.training.fitting.checkpoint import WorkFolder
from crackscan.training.fitting.weights import Weights, find_weights
from crackscan.training.model_folder.publish import Trained, publish, versions
from crackscan.training.options import Progress, Provenance, TrainOptions
from crackscan.training.samples.sampler import TileSubset
from crackscan.training.samples.subsets import read_subsets, with_windows
from crackscan.training.samples.tile_store import open_store, store_batches


def train(
    data: SplitData,
    options: TrainOptions,
    provenance: Provenance,
    *,
    folder: Path,
    progress: Progress,
    resume: bool = False,
    force: bool = False,
) -> Card:
    """Train a model and write its folder, which appears only when it is whole.

    Until then all is kept in a folder `NAME.work` beside it, from where a run that was killed can be resumed.
    Samples are drawn in processes of their own, so a script calls it below `if __name__ == "__main__":`.

    Raises:
        CrackscanError: the folder or an unfinished run is there already, or the weights are not.
        BadData: a split lacks a class.
        KeyboardInterrupt: the user stopped it; a note has said how to go on.
    """
    _check(data, folder, force=force)
    weights = find_weights(options.weights)
    import_keras().utils.set_random_seed(options.seed)
    work_path = folder.with_name(f"{folder.name}.work")
    work = WorkFolder.open(work_path, _identity(data, options, weights), resume=resume, force=force)
    try:
        trained = _trained(data, options, weights, work, progress)
        return publish(trained, data, options, provenance, folder=folder, work=work, progress=progress)
    except KeyboardInterrupt:
        progress.note(
            f"Stopped. What is done is kept in {work.path}; the same command with --resume goes on."
        )
        raise


def _check(data: SplitData, folder: Path, *, force: bool) -> None:
    if folder.exists() and not force:
        raise CrackscanError(f"{folder}: is there already; choose another name, or overwrite it by --force.")
    for split in ("train", "validation"):
        for label, count in data.counts()[split].items():
            if not count:
                raise BadData(
                    f"The {split} split has no {label} image; give more groups, or other fractions or --seed."
                )


def _identity(data: SplitData, options: TrainOptions, weights: Weights) -> dict[str, Any]:
    """Return what a resumed run must have in common with the one that was cut short."""
    digest = sha256()
    for example, fingerprint in data.rows:
        digest.update(repr((example.label, example.split, example.window, fingerprint.sha256)).encode())
    digest.update(repr([(window.label, window.window) for window in data.windows]).encode())
    flat = asdict(options)
    return {"data": digest.hexdigest()[:16], **flat, "weights": weights.text, "versions": versions()}


def _trained(
    data: SplitData, options: TrainOptions, weights: Weights, work: WorkFolder, progress: Progress
) -> Trained:
    from crackscan.training.fitting import fit

    began = time.monotonic()
    parts = read_subsets(data, _tiles_of(work), input_px=options.input_px, progress=progress)
    network = build_network(input_px=options.input_px, dropout=options.dropout)
    weights.put_into(network)
    tiles, validation = parts["train"], parts["validation"]
    if options.epochs_head and work.state() is None:
        features = _features(network, parts, options, work, progress)
        fit.fit_head(network, features, (tiles, validation), options, progress)
    state = fit.fine_tune(
        network,
        (with_windows(tiles, data), validation),
        options,
        steps=options.plan(len(tiles)),
        store=_tiles_of(work),
        work=work,
        progress=progress,
        began=began,
    )
    return Trained(network, state, weights, parts)


def _tiles_of(work: WorkFolder) -> Path:
    """Return where the decoded tiles are kept."""
    return work.path / "tiles.npy"


def _features(
    network: Any,
    parts: Mapping[Split, TileSubset],
    options: TrainOptions,
    work: WorkFolder,
    progress: Progress,
) -> Any:
    """Compute the backbone's features of all tiles, once."""
    from crackscan.training.fitting import fit

    store, pixels = work.path / "features.npy", parts["train"].pixels
    if not store.is_file():
        channels = network.get_layer(FEATURES).output.shape[-1]
        progress.phase("features", -(-len(pixels) // options.batch))
        batches = fit.features(network, pixels, options.batch)
        store_batches(store, batches, shape=(len(pixels), channels), step=progress.step)
    return open_store(store)
