"""Positions on earth: georeferences of mosaics, camera poses of photos, areas of interest."""
