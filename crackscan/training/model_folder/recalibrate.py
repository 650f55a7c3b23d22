"""Probabilities that hold where the model has never been: calibrated on the sources that were left out.

A network is surer of the structures that it knows than of others (Ovadia et al. 2019, arXiv:1906.02530). How
much too sure it is elsewhere is what `leave-one-out` measures.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from crackscan.basics.errors import BrokenModel
from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.dataset.split_csv import SPLIT_CSV, read_split_csv, write_split_csv
from crackscan.dataset.splitting import SplitData
from crackscan.evaluation.unseen import example_key
from crackscan.model.card import KERAS, LITERT, LITERT_INT8, Card, sha256_of
from crackscan.model.network import export_litert, fold_temperature, load_network
from crackscan.model.predictions import log_odds
from crackscan.training.model_folder.calibration import sigmoid
from crackscan.training.model_folder.context_head import add_context_head
from crackscan.training.model_folder.external import write_card
from crackscan.training.model_folder.measure import measure_model
from crackscan.training.model_folder.ood_limit import with_limit_elsewhere
from crackscan.training.model_folder.readme_external import OUTSIDE_PICTURES
from crackscan.training.model_folder.rebuild import add_int8_from_subsets, digests, rebuilt
from crackscan.training.options import Progress
from crackscan.training.samples.subsets import read_subsets, sources_of, spread_out


def recalibrate(folder: Path, card: Card, rows: Sequence[Fingerprinted], *, progress: Progress) -> Card:
    """Divide a model's log-odds by the temperature that suits the sources left out best.

    The threshold moves along, so that tiles are called as before; the limit of what is familiar becomes the
    one that suits these sources. The model is another one by name and has new files; what was measured on
    other data by its old probabilities goes from its card. Called again, it takes back the division before.

    rows: all images of its splits, with the labels that hold: they may be corrected since the training.

    Raises:
        BrokenModel: as `cross_dataset_temperature`.
        BadData: some images cannot be read.
    """
    elsewhere = cross_dataset_temperature(folder, card)
    factor = elsewhere / (card.calibration.elsewhere or 1.0)
    data = spread_out(rows)
    with rebuilt(folder) as (made, store):
        (made / LITERT_INT8).unlink(missing_ok=True)
        network = load_network(made / KERAS)
        fold_temperature(network, factor)
        network.save(made / KERAS)
        export_litert(network, made / LITERT)
        calibration = replace(
            card.calibration, temperature=card.calibration.temperature * factor, elsewhere=elsewhere
        )
        card = replace(card, calibration=calibration, outside=None, files=digests(card, made))
        card = _with_labels(made, card, rows)
        parts = read_subsets(data, store, input_px=card.input_px, progress=progress)
        threshold = round(float(sigmoid(log_odds(card.threshold) / factor)), 4)
        card = measure_model(card, network, parts, data, folder=made, progress=progress, threshold=threshold)
        validation = parts["validation"]
        progress.phase("what is familiar", len(validation))
        tiles = (validation.pixels[place] for place in validation.places)
        card = with_limit_elsewhere(made, card, tiles, step=progress.step)
        card = add_context_head(made, card, parts["train"], progress=progress)
        card = add_int8_from_subsets(made, card, data, parts, progress=progress)
        write_card(made, card, {}, names=OUTSIDE_PICTURES)
    return card


def _with_labels(folder: Path, card: Card, rows: Iterable[Fingerprinted]) -> Card:
    """Put the labels that hold into split.csv, and count them on the card."""
    now = {example_key(row.example): row.example for row in rows}
    known = [
        row._replace(example=replace(example, split=row.example.split, group=row.example.group))
        for row in read_split_csv(folder / SPLIT_CSV)
        for example in [now[example_key(row.example)]]
    ]
    write_split_csv(folder / SPLIT_CSV, known)
    counts = SplitData(tuple(known), ()).counts()
    return replace(
        card,
        data=sources_of(known, {source.name: source.citation for source in card.data}),
        split=replace(
            card.split,
            counts={split: dict(labels.items()) for split, labels in counts.items()},
            sha256=sha256_of(folder / SPLIT_CSV),
        ),
    )


def cross_dataset_temperature(folder: Path, card: Card) -> float:
    """Return by how much a model is too sure of sources that it has not learned from.

    Raises:
        BrokenModel: its card does not say, as none was left out.
    """
    if card.left_out is None:
        raise BrokenModel(f"{folder}: no source was left out yet; run crackscan leave-one-out.")
    return card.left_out.temperature
