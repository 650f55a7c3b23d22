"""The steps of `crackscan train`: from split examples to a model folder."""

import time
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from crackscan.basics.errors import BadData, CrackscanError
from crackscan.basics.progress import Progress
from crackscan.model.card import Card
from crackscan.model.network import FEATURES, build_network, import_keras
from crackscan.training.fitting.checkpoint import WorkFolder
from crackscan.training.fitting.weights import Weights, find_weights
from crackscan.training.model_folder.publish import Trained, package_versions, publish
from crackscan.training.options import TrainingRun
from crackscan.training.samples.subsets import Subsets, read_subsets
from crackscan.training.samples.tile_store import open_store, store_batches


def train(run: TrainingRun, *, progress: Progress, resume: bool = False, force: bool = False) -> Card:
    """Train a model and write its folder, which appears when it is whole.

    Until then everything is in a folder `NAME.work` beside it, from which a killed training can be resumed.
    Other processes make the samples, so a script calls this function below `if __name__ == "__main__":`.

    Raises:
        CrackscanError: the folder or an unfinished training exists already, or the weights are missing.
        BadData: a split lacks a class.
        KeyboardInterrupt: the user stopped it; a note says how to resume.
    """
    check_run(run, force=force)
    weights = find_weights(run.options.weights)
    import_keras().utils.set_random_seed(run.options.seed)
    path = run.folder.with_name(f"{run.folder.name}.work")
    work = WorkFolder.open(path, _identity(run, weights), resume=resume, force=force)
    try:
        trained = _fit(run, weights, work, progress)
        return publish(trained, run, work=work, progress=progress)
    except KeyboardInterrupt:
        progress.note(f"Stopped. {work.path} has what is done; the same command with --resume continues.")
        raise


def check_run(run: TrainingRun, *, force: bool) -> None:
    """Check that a model can be made of the data, and that its folder is free.

    Raises:
        CrackscanError: the folder exists already.
        BadData: a split lacks a class.
    """
    if run.folder.exists() and not force:
        raise CrackscanError(
            f"{run.folder}: exists already; choose another name, or replace it with --force."
        )
    counts = run.data.counts()
    for split in ("train", "validation"):
        for label, count in counts[split].items():
            if not count:
                raise BadData(
                    f"The {split} split has no {label} image; give more groups, "
                    "or other --fractions or --seed."
                )


def _identity(run: TrainingRun, weights: Weights) -> dict[str, Any]:
    """Return what a resumed training must have in common with the interrupted one."""
    digest = sha256()
    for example, fingerprint in run.data.rows:
        digest.update(repr((example.label, example.split, example.window, fingerprint.sha256)).encode())
    digest.update(repr([(window.label, window.window) for window in run.data.windows]).encode())
    options = asdict(run.options) | {"weights": weights.text}
    return {"data": digest.hexdigest()[:16], **options, "versions": package_versions()}


def _fit(run: TrainingRun, weights: Weights, work: WorkFolder, progress: Progress) -> Trained:
    from crackscan.training.fitting import fit

    began, options = time.monotonic(), run.options
    subsets = read_subsets(run.data, work.tiles, input_px=options.input_px, progress=progress)
    network = build_network(input_px=options.input_px, dropout=options.dropout)
    weights.put_into(network)
    if options.epochs_head and work.state() is None:
        features = _features(network, subsets, work, batch=options.batch, progress=progress)
        fit.fit_head(network, features, subsets, options, progress)
    state = fit.fine_tune(network, subsets, options, work=work, progress=progress, began=began)
    return Trained(network, state, weights, subsets)


def _features(network: Any, subsets: Subsets, work: WorkFolder, *, batch: int, progress: Progress) -> Any:
    """Compute the backbone's features of all tiles, once."""
    from crackscan.training.fitting import fit

    store, pixels = work.features, subsets.train.pixels
    if not store.is_file():
        channels = network.get_layer(FEATURES).output.shape[-1]
        progress.phase("features", -(-len(pixels) // batch))
        batches = fit.compute_features(network, pixels, batch)
        store_batches(store, batches, shape=(len(pixels), channels), progress=progress)
    return open_store(store)
