"""The line head: a second network, which says of each spot of an image how probably a crack runs there."""

import threading
from typing import Any

import numpy as np

from crackscan.basics.arrays import Float32s, Pixels
from crackscan.basics.errors import BrokenModel
from crackscan.model.litert import import_interpreter
from crackscan.model.network import STRIDE

LINE_CELL_PX = 2  # px of the image per probability: labels are no more exact, and it is a quarter of the work
# Odds of the least probable tile that is traced, as a share of those of the model's threshold: a crack goes
# on into tiles that show only its end. At a fifth, 0.7 % of the length of cracks in uav-crack is left out.
FLOOR_SHARE = 0.2
IMAGES, LINES = "images", "lines"  # the network's input and output by name


def line_floor(threshold: float) -> float:
    """Return the least probability of a tile that is traced; threshold: the model's own, 0..1."""
    odds = FLOOR_SHARE * threshold / max(1 - threshold, 1e-6)
    return round(odds / (1 + odds), 4)


class LineHead:
    """The network of lines.tflite, for all engines and any number of threads; each has an interpreter."""

    def __init__(self, content: bytes) -> None:
        """Keep the bytes of the file; the first image of a thread opens it.

        Raises: MissingExtra: no LiteRT interpreter is installed.
        """
        self._content, self._interpreter = content, import_interpreter()
        self._local = threading.local()

    def predict(self, image: Pixels) -> Float32s:
        """Return the probability that a crack's centre line runs through each spot of LINE_CELL_PX.

        image: uint8 RGB, (height, width, 3); both sides are multiples of STRIDE px. Memory grows with the
            image, by about 1 kB per px.

        Returns: float32, (height / 2, width / 2), 0..1.

        Raises: BrokenModel: the file is not a line network.
        """
        height, width = image.shape[:2]
        if height % STRIDE or width % STRIDE:
            raise ValueError(f"{width} x {height} px: both sides must be multiples of {STRIDE}")
        try:
            probabilities: Float32s = self._runner()(**{IMAGES: image[np.newaxis]})[LINES]
            return probabilities.reshape(height // LINE_CELL_PX, width // LINE_CELL_PX)
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise BrokenModel(
                f"The line network cannot be run ({error}); get the model folder again."
            ) from error

    def _runner(self) -> Any:
        """Return this thread's interpreter of the network."""
        if not hasattr(self._local, "run"):
            self._local.interpreter = self._interpreter(model_content=self._content, num_threads=1)
            self._local.run = self._local.interpreter.get_signature_runner()
        return self._local.run
