"""Files that an older model folder lacks: the int8 model, and the context head."""

from collections.abc import Iterable

from crackscan.basics.progress import Progress
from crackscan.dataset.fingerprints import Fingerprinted
from crackscan.model.card import KERAS
from crackscan.model.network import load_network
from crackscan.training.model_folder.context_head import add_context_head
from crackscan.training.model_folder.folder import ModelFolder
from crackscan.training.model_folder.int8_check import add_int8
from crackscan.training.samples.subsets import read_subsets, thin_out


def quantise_folder(folder: ModelFolder, rows: Iterable[Fingerprinted], *, progress: Progress) -> None:
    """Make the int8 model, compare it, and replace the folder's card and README.

    A model that was made before there was a context head gets one, too. For that its model.tflite is exported
    again, with the same results, so rows name it by another id.

    rows: the images that the model was made from; those of the test split are not used.

    Raises:
        BadData: some of them cannot be read.
    """
    data = thin_out(row for row in rows if row.example.split != "test")
    with folder.edit() as copy:
        store = copy.path.with_name("tiles.npy")
        subsets = read_subsets(data, store, input_px=copy.card.input_px, progress=progress)
        if not copy.card.has_dense_inference:
            copy.export(load_network(copy.path / KERAS))
            add_context_head(copy, subsets.train, progress=progress)
        add_int8(copy, subsets, progress=progress)
