"""How good a model is, on images that it has not learned from: figures, intervals, tables, pictures."""
