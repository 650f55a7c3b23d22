"""Foundations that every room may use: records, errors, the tile grid, arrays, atomic files, progress."""
