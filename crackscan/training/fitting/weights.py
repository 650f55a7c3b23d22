"""The weights that a training starts from: ImageNet, a file, a model's backbone, or random; no download."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from crackscan.basics.errors import BrokenModel, CrackscanError
from crackscan.model.card import CARD, KERAS, Card, sha256_of
from crackscan.model.network import get_backbone, load_network

# the name of the file that Keras would download for weights="imagenet"
IMAGENET_FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
BACKBONE_OF = "the backbone of "  # begins the text of a model's weights
MEAN_OF = "the mean of the weights of "  # begins that of an average


class Continued(NamedTuple):
    """The model that a training continues."""

    folder: Path
    card: Card


@dataclass(frozen=True, slots=True)
class Weights:
    """The origin of a network's first weights; `path` is None for random weights."""

    path: Path | None
    text: str  # for the card: without folders of this machine
    model: Continued | None = None  # whose backbone they are

    def put_into(self, network: Any) -> None:
        """Give a network's backbone these weights.

        Raises:
            BrokenModel: the file holds the weights of another network.
        """
        if self.path is None:
            return
        backbone = get_backbone(network)
        try:
            if self.path.suffix == ".keras":
                backbone.set_weights(get_backbone(load_network(self.path)).get_weights())
            else:
                backbone.load_weights(self.path)
        except (OSError, ValueError, KeyError) as error:
            raise BrokenModel(
                f"{self.path}: does not hold the weights of MobileNetV2 without its top "
                f"({str(error).splitlines()[0]}); name another file or a model folder."
            ) from error


def find_weights(name: str) -> Weights:
    """Find "imagenet", "none", a weights file (.h5) or a model folder.

    Raises:
        CrackscanError: the file or folder does not exist; the text says where it should be.
        BrokenModel: the files of the model folder do not match its card.
    """
    if name == "none":
        return Weights(None, "none: random weights")
    path = imagenet_path() if name == "imagenet" else Path(name)
    if path.is_dir() and (path / CARD).is_file():
        return _backbone_weights(path)
    if not path.is_file():
        raise CrackscanError(_missing(name, path))
    return Weights(path, f"{path.name} (sha256 {sha256_of(path)})")


def imagenet_path() -> Path:
    """Return the path at which Keras stores its ImageNet weights."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "models" / IMAGENET_FILE


def _backbone_weights(folder: Path) -> Weights:
    card = Card.read(folder)
    card.verify(folder)
    return Weights(
        folder / KERAS,
        f"{BACKBONE_OF}{card.model_id} (model.keras, sha256 {card.files[KERAS]})",
        Continued(folder, card),
    )


def _missing(name: str, path: Path) -> str:
    if name == "imagenet":
        return (
            f"imagenet: its weights are not at {path}; crackscan downloads nothing, so put the file "
            "of that name there (from Keras' release of MobileNetV2), or name a copy with --weights PATH."
        )
    return f"{name}: not a weights file, a folder with a {CARD}, 'imagenet' or 'none'; check --weights."
