"""Positions on earth: georeferences of mosaics, camera poses of photos, areas of interest."""

from crackscan.basics.gis_environment import set_aside_foreign_variables

set_aside_foreign_variables()  # before this room imports rasterio or pyogrio
