"""Errors of a model's files as one sentence, whatever the library that reads them raises."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from crackscan.basics.arrays import Float32s
from crackscan.basics.errors import BrokenModel, CrackscanError

MAX_ARRAY_BYTES = 256 << 20  # of an .npz, unpacked; crackscan's own have less than 3 MB
LONGEST_ERROR = 200  # characters


@contextmanager
def broken_model_errors(path: Path) -> Iterator[None]:
    """Turn any error of reading or running a model's file into a BrokenModel.

    Raises: BrokenModel: there was an error.
    """
    try:
        yield
    except (CrackscanError, MemoryError):
        raise
    except Exception as error:  # NumPy, LiteRT and Keras raise nearly anything on broken bytes
        text = " ".join(str(error).split()) or type(error).__name__
        short = text if len(text) <= LONGEST_ERROR else f"{text[:LONGEST_ERROR]}..."
        raise BrokenModel(f"{path}: cannot be read ({short}); get the model folder again.") from error


def load_array(path: Path, name: str, *, dimensions: int) -> Float32s:
    """Return one array of an .npz; nothing in the file is executed.

    Raises: BrokenModel: the file is missing, or does not hold such an array of finite numbers.
    """
    with broken_model_errors(path):
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_ARRAY_BYTES:
                raise ValueError(f"more than {MAX_ARRAY_BYTES:,} bytes when unpacked")
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            array: Float32s = arrays[name].astype(np.float32)
        if array.ndim != dimensions or not array.size or not np.isfinite(array).all():
            raise ValueError(f"its array {name} has the shape {array.shape}, or numbers that are not finite")
        return array
