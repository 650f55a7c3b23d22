"""A file in whole numbers for a model folder that is there already."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.dataset.records import Split
from crackscan.dataset.splitting import SplitData
from crackscan.model.card import KERAS, LITERT, LITERT_INT8, SCHEMA_VERSION, Card, sha256_of
from crackscan.model.network import export_litert, load_network
from crackscan.training.model_folder.context_head import add_context_head
from crackscan.training.model_folder.external import write_card
from crackscan.training.model_folder.int8_check import add_int8
from crackscan.training.options import Progress
from crackscan.training.samples.recipe import Recipe
from crackscan.training.samples.sampler import TileSubset
from crackscan.training.samples.subsets import names_of, read_subsets, spread_out


def quantise_folder(folder: Path, card: Card, rows: Iterable[Fingerprinted], *, progress: Progress) -> Card:
    """Make the file, compare it, and replace the folder's card and README.

    A model that was made before tiles could be judged with their surroundings learns that, too: its float
    file is exported anew, with the same answers, so that rows name it by another id.

    rows: the images of the model's training and validation splits.

    Raises:
        BadData: some of them cannot be read.
    """
    data = spread_out(row for row in rows if row.example.split != "test")
    with rebuilt(folder) as (made, store):
        parts = read_subsets(data, store, input_px=card.input_px, progress=progress)
        if not card.has_dense_inference:
            export_litert(load_network(made / KERAS), made / LITERT)
            card = replace(card, schema_version=SCHEMA_VERSION, files=digests(card, made))
            card = add_context_head(made, card, parts["train"], progress=progress)
        card = add_int8_from_subsets(made, card, data, parts, progress=progress)
        write_card(made, card, {}, names=())
    return card


@contextmanager
def rebuilt(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Give a copy of a model folder to change, which then takes its place, and where tiles may be stored.

    Whatever goes wrong before, the folder stays as it is.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as work:
        made = Path(work) / "model"
        shutil.copytree(folder, made)
        yield made, Path(work) / "tiles.npy"
        folder.replace(Path(work) / "before")
        made.replace(folder)


def digests(card: Card, folder: Path) -> dict[str, str]:
    """Return the digests of a card's files where the network changed; the one in whole numbers is no more."""
    return {
        name: sha256_of(folder / name) if name in {KERAS, LITERT} else digest
        for name, digest in card.files.items()
        if name != LITERT_INT8
    }


def add_int8_from_subsets(
    folder: Path,
    card: Card,
    data: SplitData,
    parts: Mapping[Split, TileSubset],
    *,
    progress: Progress,
    recipe: Recipe | None = None,
) -> Card:
    """Make the file from training tiles, compare it on the validation split, and return the card with it.

    recipe: by which training samples were made, today's by default.

    Raises:
        CrackscanError: it cannot be made.
    """
    progress.phase("whole numbers", len(parts["validation"]))
    return add_int8(
        folder,
        card,
        parts["train"],
        parts["validation"],
        names=names_of(data),
        recipe=recipe or Recipe(),
        step=progress.step,
    )
