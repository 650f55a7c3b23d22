"""Values of masks: which of them mean a crack."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crackscan.basics.errors import Unreadable

HAVE_ALPHA = {"LA", "La", "PA"}  # modes whose second channel says nothing about cracks
NOT_BRIGHTNESS = {"CMYK", "YCbCr", "LAB", "HSV"}  # modes whose channels are not high where a pixel is bright


def mask_values(image: Image.Image) -> NDArray[Any]:
    """Return the values of a decoded mask, (height, width): the strongest of its colours, or its index."""
    if image.mode in HAVE_ALPHA:
        image = image.getchannel(0)
    elif image.mode in NOT_BRIGHTNESS:
        image = image.convert("RGB")
    return np.atleast_3d(np.asarray(image))[..., :3].max(axis=-1)  # type: ignore[no-any-return]


def crack_limit(values: NDArray[Any]) -> float:
    """Return the value above which a mask means crack.

    Raises:
        Unreadable: it has several values, all in the lower half of the range.
    """
    top = values.max(initial=0)
    if not ((values > 0) & (values < top)).any():
        return 0
    half = np.iinfo(values.dtype).max // 2 if values.dtype.kind == "u" else top / 2
    if top <= half:
        raise Unreadable(
            f"its values go up to {top} of {half * 2 + 1}, so it is not clear which are cracks: "
            "save it with 0 and the highest value, in a format without losses"
        )
    return float(half)
