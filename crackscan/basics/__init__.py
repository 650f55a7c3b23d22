"""What every room may use: records, errors, the tile grid, arrays, whole files, progress."""
