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

HEATMAP_WRONG = frozenset({SILENT, NOISE, NEXT_RUN, NO_SENTENCE, TRACEBACK, NOT_WHOLE})
KNOWN = [
    # sinks/cog.py, sinks/heatmap.py: the copy's close is not checked, and GDAL's own errors are not caught
    Group("out", ".heat.tif.*", ("open", "read", "write", "close"), HEATMAP_WRONG),
    # the same; libtiff then follows its directories for ever
    Group("out", ".heat.tif.*.0.tif", ("write",), HEATMAP_WRONG | {HANGS}),
    # sinks/geopackage.py: GDAL runs SQL whose failure it does not pass on
    Group("out", ".cracks.gpkg.*", ("open", "read", "write", "close"), frozenset({SILENT, NEXT_RUN, NOISE})),
    # a disk that is full for both
    Group("out", "[*]", ("write",), HEATMAP_WRONG | {HANGS}),
]

NUMBERED_BY_GDAL = "3.10.3"
NOISY = "sinks/: GDAL prints its own lines on stderr, even with --quiet"
RTREE = "sinks/geopackage.py:_flush: GDAL does not pass on that its SQL failed"
COPY = "sinks/cog.py:write_cog: whether the copy was closed well is not checked"
CPLE = "sinks/cog.py:write_cog, sinks/gdal_file.py:_writing: a CPLE_BaseError is not a RasterioError"
HEATMAP, GEOPACKAGE = ".heat.tif.????????.tmp.tif", ".cracks.gpkg.????????.tmp.gpkg"

SHOWN = {  # each kind by one call, and why it goes wrong; an empty reason: it is mended
    Fault("site", "deck.tif", "read", 44): "",
    Fault("site", "deck.tif", "read", 46): "",
    Fault("site", "deck.tif", "read", 49, keeps_failing=True): "",
    Fault("site", "deck.tif", "read", 13, keeps_failing=True): "",
    Fault("site", "deck.tif", "read", 52): "",
    Fault("site", "deck.tif", "read", 56): "",
    Fault("out", f"{GEOPACKAGE}-journal", "write", 64): RTREE,
    Fault("out", f"{GEOPACKAGE}-journal", "open", 13, "EACCES"): RTREE,
    Fault("out", HEATMAP, "write", 13): COPY,
    Fault("out", HEATMAP, "write", 7, "ENOSPC", keeps_failing=True): CPLE,
    Fault("out", HEATMAP, "open", 7, "EACCES"): CPLE,
    Fault("out", f"{HEATMAP}.0.tif", "read", 18, keeps_failing=True): CPLE,
    Fault("out", f"{HEATMAP}.0.tif", "write", 1, "ENOSPC"): NOISY,
}

LOOP = (
    "sinks/cog.py:_halved, write_cog: libtiff follows for ever the directories of a file that was cut short"
)
SHOWN_SLOWLY = {Fault("out", f"{HEATMAP}.0.tif", "write", 17, "ENOSPC", keeps_failing=True): LOOP}  # hangs

UNCHECKED = "scanning/journal_file.py:read_journal: neither PRAGMA quick_check nor a digest is asked"
TYPES = "scanning/packing.py:results_in, scanning/journal.py: a misplaced page gives values of other types"
SCHEMA = "scanning/journal_file.py:_sentences: a broken schema raises UnicodeDecodeError"
SHOWN_JOURNALS = {
    Damage("zeroed block", 15360): UNCHECKED,
    Damage("zeroed block", 24064): UNCHECKED,
    Damage("swapped pages", 12288, 16384): UNCHECKED,
    Damage("swapped pages", 12288, 24576): UNCHECKED,
    Damage("swapped pages", 20480, 28672): UNCHECKED,
    Damage("flipped byte", 12302, 8): UNCHECKED,
    Damage("swapped pages", 4096, 12288): TYPES,
    Damage("swapped pages", 4096, 16384): TYPES,
    Damage("swapped pages", 4096, 24576): TYPES,
    Damage("flipped byte", 3758, 255): SCHEMA,
}
UNSTEADY = {Damage("zeroed block", 15872)}  # goes wrong where paths have certain lengths
TERMS = "scanning/journal.py:RunSettings.parse: the settings have no digest"

SHOWN_MODELS = {  # of model.tflite, where the card names the damaged file's digest; all are mended
    Damage("cut file", 0): "",
    Damage("cut file", 4_000_000): "",
    Damage("zeroed block", 0): "",
    Damage("flipped byte", 0, 255): "",
}
