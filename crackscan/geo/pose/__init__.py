"""Camera position, viewing direction and ground footprint of photos."""
