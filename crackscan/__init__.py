"""Find cracks in photos and orthomosaics of concrete.

Scan a folder, and look at its rows:

    import crackscan

    for row in crackscan.scan("photos"):
        print(row.source, row.label, row.probability)

Each name is imported when it is first used, so that `import crackscan` is fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crackscan.basics.errors import CrackscanError
    from crackscan.basics.progress import Progress
    from crackscan.basics.records import Result
    from crackscan.model.loading import Model, find_model
    from crackscan.scanning.api import convert, scan
    from crackscan.scanning.options import Options
    from crackscan.scanning.summary import Summary

__all__ = [
    "DEFAULT_MODEL",
    "CrackscanError",
    "Model",
    "Options",
    "Progress",
    "Result",
    "Summary",
    "__version__",
    "convert",
    "find_model",
    "scan",
]

__version__ = "0.1.0"
DEFAULT_MODEL = "concrete-v4"  # the shipped model that is used unless another is named

_MODULES = {
    "CrackscanError": "basics.errors",
    "Model": "model.loading",
    "Options": "scanning.options",
    "Progress": "basics.progress",
    "Result": "basics.records",
    "Summary": "scanning.summary",
    "convert": "scanning.api",
    "find_model": "model.loading",
    "scan": "scanning.api",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names, for completion in a console."""
    return sorted(__all__)
