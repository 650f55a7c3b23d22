"""The import of LiteRT's interpreter, which runs .tflite files."""

import os
from importlib.util import find_spec
from typing import Any

from crackscan.basics.errors import MissingExtra


def import_interpreter() -> Any:
    """Return LiteRT's interpreter class, or TensorFlow's own where LiteRT has no wheel.

    Raises:
        MissingExtra: neither is installed.
        ImportError: LiteRT is installed, but cannot be loaded, for want of memory for example.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        if find_spec("ai_edge_litert") is not None and not isinstance(error, ModuleNotFoundError):
            raise
        try:
            from tensorflow.lite import Interpreter
        except ImportError:
            raise MissingExtra(
                'ai-edge-litert has no wheel for this machine; install "crackscan[train]" instead.'
            ) from None
    return Interpreter
