"""What is known to go wrong where a call fails: an entry goes when its code is mended."""

from typing import NamedTuple

from damage import Damage
from forks import Fault


class Group(NamedTuple):
    """Calls of some kinds on some files, and what may go wrong where one of them fails."""

    below: str
    pattern: str  # that the faults' own patterns match
    kinds: tuple[str, ...]
    wrong: frozenset[str]


SILENT, NOISE = "silent wrong answer", "more on stderr than a sentence"
NEXT_RUN, NO_SENTENCE, TRACEBACK = "other bytes after the next run", "no sentence", "traceback"
NOT_WHOLE, HANGS = "an output that is not whole", "hangs"

KNOWN: list[Group] = []

NUMBERED_BY_GDAL = "3.10.3"
HEATMAP, GEOPACKAGE = ".heat.tif.????????.tmp.tif", ".cracks.gpkg.????????.tmp.gpkg"

SHOWN = {  # each kind by one call, and why it goes wrong; an empty reason: it is mended
    Fault("site", "deck.tif", "read", 44): "",
    Fault("site", "deck.tif", "read", 46): "",
    Fault("site", "deck.tif", "read", 49, keeps_failing=True): "",
    Fault("site", "deck.tif", "read", 13, keeps_failing=True): "",
    Fault("site", "deck.tif", "read", 52): "",
    Fault("site", "deck.tif", "read", 56): "",
    Fault("out", f"{GEOPACKAGE}-journal", "write", 64): "",
    Fault("out", f"{GEOPACKAGE}-journal", "open", 13, "EACCES"): "",
    Fault("out", HEATMAP, "write", 1): "",
    Fault("out", HEATMAP, "write", 1, "ENOSPC", keeps_failing=True): "",
    Fault("out", HEATMAP, "open", 3, "EACCES"): "",
    Fault("out", f"{HEATMAP}.0.raw", "read", 1, keeps_failing=True): "",
    Fault("out", f"{HEATMAP}.0.raw", "write", 1, "ENOSPC"): "",
}

SHOWN_SLOWLY: dict[Fault, str] = {}

SHOWN_JOURNALS = {
    Damage("zeroed block", 15360): "",
    Damage("zeroed block", 24064): "",
    Damage("swapped pages", 12288, 16384): "",
    Damage("swapped pages", 12288, 24576): "",
    Damage("swapped pages", 20480, 28672): "",
    Damage("flipped byte", 12302, 8): "",
    Damage("swapped pages", 4096, 12288): "",
    Damage("swapped pages", 4096, 16384): "",
    Damage("swapped pages", 4096, 24576): "",
    Damage("flipped byte", 3758, 255): "",
}
UNSTEADY = {Damage("zeroed block", 15872)}  # goes wrong where paths have certain lengths

SHOWN_MODELS = {  # of model.tflite, where the card names the damaged file's digest; all are mended
    Damage("cut file", 0): "",
    Damage("cut file", 4_000_000): "",
    Damage("zeroed block", 0): "",
    Damage("flipped byte", 0, 255): "",
}
