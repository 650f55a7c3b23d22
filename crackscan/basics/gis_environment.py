"""Environment variables that change what rasterio and pyogrio do: those of other programs, and our own."""

import os
from importlib.util import find_spec
from pathlib import Path

DATA_FOLDERS = {"PROJ_LIB": "proj_data", "PROJ_DATA": "proj_data", "GDAL_DATA": "gdal_data"}
PLUGINS = "GDAL_DRIVER_PATH"
PACKAGES = ("rasterio", "pyogrio")

NETWORK_DRIVERS = (
    "ADBC,AmigoCloud,Carto,CSW,DAAS,EEDA,EEDAI,Elasticsearch,GTI,HTTP,NGW,OAPIF,OGCAPI,PLMOSAIC,PLSCENES,"
    "PostGISRaster,STACIT,STACTA,WCS,WFS,WMS,WMTS"
)
OPTIONS = {
    "GDAL_VRT_ENABLE_PYTHON": "NO",  # a picture must not run code
    "GDAL_VRT_ENABLE_RAWRASTERBAND": "NO",  # nor show the bytes of any other file
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "none",  # nor open a connection
    "CPL_LOG": os.devnull,  # the file of what GDAL would print, whichever thread calls it
}


def set_aside_foreign_variables() -> None:
    """Remove the variables that lead to data and plugins of another GDAL or PROJ, of another version.

    A package without data of its own, such as conda's, needs them: then they stay.
    """
    if not any(name in os.environ for name in (*DATA_FOLDERS, PLUGINS)):
        return
    folders = [Path(place) for name in PACKAGES for place in _places(name)]
    for variable, data in DATA_FOLDERS.items():
        if folders and all((folder / data).is_dir() for folder in folders):
            os.environ.pop(variable, None)
    if folders and all((folder / "gdal_data").is_dir() for folder in folders):
        os.environ.pop(PLUGINS, None)


def restrict_gdal() -> None:
    """Forbid GDAL what a picture must not do; call it before GDAL is used."""
    os.environ.update(OPTIONS)


def remove_network_drivers() -> None:
    """Keep GDAL from loading drivers for services; only for a process of our own."""
    skipped = os.environ.get("GDAL_SKIP", "")
    names = skipped.split("," if "," in skipped else None)
    os.environ["GDAL_SKIP"] = ",".join(dict.fromkeys([*names, *NETWORK_DRIVERS.split(",")]))


def _places(package: str) -> list[str]:
    """Return the folders of an installed package, without importing it."""
    spec = find_spec(package)
    return list(spec.submodule_search_locations or ()) if spec else []
