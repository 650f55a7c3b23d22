"""Where a photo was taken, whither its camera looked, and what of the ground it shows."""
