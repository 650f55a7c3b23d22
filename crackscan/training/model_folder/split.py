"""The split of a model folder: split.csv, and what the card says of the data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.dataset.split_csv import SPLIT_CSV, write_split_csv
from crackscan.dataset.splitting import SplitData
from crackscan.model.card import sha256_of
from crackscan.model.card_records import DatasetSummary
from crackscan.training.model_folder.folder import ModelFolder


def write_split(
    folder: ModelFolder, rows: Sequence[Fingerprinted], citations: Mapping[str, str | None]
) -> None:
    """Write split.csv, and put the numbers of images onto the card.

    citations: of the datasets that have one.
    """
    path = folder.path / SPLIT_CSV
    write_split_csv(path, rows)
    counts = SplitData(tuple(rows), ()).counts()
    split = replace(
        folder.card.split,
        counts={split: dict(labels.items()) for split, labels in counts.items()},
        sha256=sha256_of(path),
    )
    folder.card = replace(folder.card, data=_summaries(rows, citations), split=split)


def _summaries(
    rows: Iterable[Fingerprinted], citations: Mapping[str, str | None]
) -> tuple[DatasetSummary, ...]:
    """Count the images of each dataset."""
    examples = [row.example for row in rows]
    return tuple(
        DatasetSummary(
            name=name,
            images=sum(example.data == name for example in examples),
            cracked=sum(example.label for example in examples if example.data == name),
            relabelled=sum(example.relabelled for example in examples if example.data == name),
            citation=citations.get(name),
        )
        for name in dict.fromkeys(example.data for example in examples)
    )
