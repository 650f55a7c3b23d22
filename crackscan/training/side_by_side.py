"""Show a network part of each batch side by side in one large picture, as the tiles of a survey lie.

A tile that is judged alone ends in the zeros with which convolutions pad. In one pass over a larger picture
it sees what is around it instead, and a network that has never learned so answers otherwise there.
"""

from math import isqrt
from typing import Any

from crackscan.network import DROPOUT, FEATURES, LOGIT, SCALING, STRIDE, backbone_of, import_keras, part_of


def learner(network: Any, batch: int) -> Any:
    """Return the network as it is trained: uint8 (batch, input_px, input_px, 3) in, logits (batch, 1) out.

    Half of a batch, as far as it makes a square, is put into one picture. Neighbours have labels of their
    own, so that nothing can be told from what lies around. It shares the network's layers.
    """
    input_px, side = network.input_shape[1], isqrt(batch // 2)
    if side < 2 or input_px % STRIDE:
        return part_of(network, LOGIT)
    keras, together = import_keras(), side**2
    tiles = keras.Input(batch_shape=(batch, input_px, input_px, 3), dtype="uint8", name="tiles")
    backbone = backbone_of(network)
    beside, alone = keras.ops.split(network.get_layer(SCALING)(tiles), [together])
    maps = _parted(backbone(_joined(beside, side), training=False), side)
    maps = keras.ops.concatenate([maps, backbone(alone, training=False)])
    kept = network.get_layer(DROPOUT)(network.get_layer(FEATURES)(maps))
    return keras.Model(tiles, network.get_layer(LOGIT)(kept), name="learner")


def _joined(tiles: Any, side: int) -> Any:
    """Put tiles, (side², s, s, channels), into one picture, (1, side s, side s, channels)."""
    ops, (_, height, width, channels) = import_keras().ops, tiles.shape
    rows = ops.transpose(ops.reshape(tiles, (side, side, height, width, channels)), (0, 2, 1, 3, 4))
    return ops.reshape(rows, (1, side * height, side * width, channels))


def _parted(picture: Any, side: int) -> Any:
    """Cut a picture into its tiles: the inverse of `_joined`."""
    ops, (_, height, width, channels) = import_keras().ops, picture.shape
    tile = height // side, width // side
    rows = ops.transpose(ops.reshape(picture, (side, tile[0], side, tile[1], channels)), (0, 2, 1, 3, 4))
    return ops.reshape(rows, (side * side, *tile, channels))
